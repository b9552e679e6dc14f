// Everything around the images: tools, evidence, answers, corrections. Words from outside are only ever text.

const CITATION = /\[(E\d+(?:\s*,\s*E\d+)*)\]/;
const NAMES = { mask: "outline", region: "box", measurement: "measurement", absence: "not found", passage: "passage",
  view: "picture", image_facts: "image facts", limitation: "limitation", statement: "statement" };
const TOOLS = [["window", "Window", "W"], ["scroll", "Scroll", "M"], ["pan", "Pan", "P"], ["zoom", "Zoom", "Z"],
  ["ruler", "Ruler", "R"]];

const shortened = (words, length) => (words.length > length ? `${words.slice(0, length - 1)}…` : words);
const kindOf = (item) => NAMES[item.kind] || item.kind.replaceAll("_", " ");
const at = (selector) => document.querySelector(selector);

// An element with properties and children; strings become text.
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("aria-")) element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

export class Panel {
  constructor(viewer, table) {
    this.viewer = viewer;
    this.#tools();
    at("#images").onchange = (event) => viewer.look(event.target.value);
    at("#opacity").oninput = (event) => { viewer.opacity = Number(event.target.value) / 100; viewer.redraw(); };
    at("#overlays").onchange = () => viewer.toggleOverlays();
    at("#chat").href = viewer.base.replace("/viewer/", "/thread/");
    at("#trace").href = viewer.base.replace("/viewer/", "/trace/");
    at("#keys").append(...table.map(([keys, does]) => make("div", {}, make("kbd", {}, keys), does)));
    addEventListener("beforeunload", (event) => { if (viewer.edit?.strokes.done.length) event.preventDefault(); });
  }

  #tools() {
    const { viewer } = this;
    this.buttons = TOOLS.map(([tool, name, key]) =>
      make("button", { title: `Left button: ${name.toLowerCase()} (${key})`, onclick: () => viewer.choose(tool) }, name));
    this.presets = make("select", { title: "Window (keys 1 to 9)", "aria-label": "Window",
      onchange: (event) => viewer.preset(Number(event.target.value)) });
    const press = (name, title, act) => make("button", { title, onclick: act }, name);
    this.inverted = press("Invert", "Invert grey (I)", () => viewer.invert());
    this.cross = press("Crosshair", "Crosshair (X)", () => viewer.toggleCrosshair());
    this.single = press("One plane", "One plane or all three (G)", () => viewer.toggleSingle());
    at("#tools").append(...this.buttons, this.presets, this.inverted, this.cross, this.single,
      press("Reset", "As at first (0)", () => viewer.reset()), make("span", { className: "gap" }),
      press("Keys ?", "Keys and mouse (?)", () => this.help()));
  }

  // ---- the case

  fill() {
    const { told } = this.viewer;
    at("#images").replaceChildren(...told.images.map((image) =>
      make("option", { value: image.id }, shortened(`${image.id} ${image.label}`, 28))));
    this.#answers(told.answers);
    this.#history(told.corrections);
    if (this.viewer.image) this.show();
  }

  // What belongs to the image that is shown.
  show() {
    const { viewer } = this;
    const { image, told } = viewer;
    at("#images").value = image.id;
    at("#facts").textContent = image.facts.join(" · ");
    at("#caveats").replaceChildren(...image.caveats.map((caveat) => make("li", {}, `⚠ ${caveat}`)));
    this.presets.replaceChildren(
      ...(image.window ? [make("option", { value: "-1" }, "")] : []),
      ...image.presets.map((preset, number) => make("option", { value: number }, `${number + 1} ${preset.name}`)));
    this.presets.hidden = !image.window;
    this.single.hidden = this.cross.hidden = image.planes.length === 1;
    const of = told.evidence.filter((item) => !item.image || item.image === image.id);
    at("#evidence").replaceChildren(...of.filter((item) => item.stands).map((item) => this.#row(item)));
    const gone = of.filter((item) => !item.stands);
    at("#gone").hidden = !gone.length;
    at("#gone summary").textContent = `No longer standing (${gone.length})`;
    at("#gone ul").replaceChildren(...gone.map((item) => this.#row(item)));
    viewer.moved();
    this.select();
    this.state();
    this.progress();
  }

  #row(item) {
    const { viewer } = this;
    const drawn = ["mask", "region"].includes(item.kind) || (item.kind === "measurement" && item.points.length);
    const box = drawn && item.stands ? make("input", { type: "checkbox", checked: !viewer.hidden.has(item.id),
      "aria-label": `Show ${item.id}`, onchange: (event) => {
        if (event.target.checked) viewer.hidden.delete(item.id); else viewer.hidden.add(item.id);
        if (viewer.visible(item)) viewer.outline(item);
        viewer.redraw();
      } }) : make("span", { className: "hole" });
    const name = item.kind === "measurement" ? `${item.target}: ${item.name} ${item.text.split(" (")[0]}`
      : item.title || item.target || shortened(item.words, 60);
    const swatch = make("span", { className: item.kind === "mask" ? "swatch" : "swatch none" });
    if (item.kind === "mask") swatch.style.background = `rgb(${viewer.colour(item.id).join(",")})`;
    const row = make("li", {}, box, swatch);
    const kind = item.kind === "measurement" ? "" : kindOf(item);
    const button = make("button", { className: "item", onclick: () => viewer.jump(item.id) },
      make("b", {}, item.id), make("span", {}, name, " ", make("small", {}, kind)));
    button.dataset.id = item.id;
    row.append(button);
    return row;
  }

  // Mark the selected evidence and tell all of it.
  select() {
    const { viewer } = this;
    for (const button of document.querySelectorAll("#panel .item")) {
      const is = button.dataset.id === viewer.selected;
      button.setAttribute("aria-current", is);
    }
    for (const box of document.querySelectorAll("#evidence input")) {
      box.checked = !viewer.hidden.has(box.parentElement.querySelector(".item").dataset.id);
    }
    const item = viewer.item(viewer.selected);
    this.#detail(item);
    const chosen = at(`#evidence .item[aria-current="true"]`);
    if (chosen) this.#reveal(chosen);
  }

  #detail(item) {
    const { viewer } = this;
    at("#detail").hidden = !item;
    if (!item) return;
    at("#detail").scrollTop = 0;
    const words = item.kind === "passage" ? make("blockquote", {}, item.words) : make("p", {}, item.words);
    const told = [make("p", {}, make("b", {}, `${item.id} · ${kindOf(item)}`)), words, this.#offered(item)];
    if (item.source) told.push(make("p", {}, item.source));
    if (item.slices && item.slices[1] - item.slices[0] > 1) {
      told.push(make("p", {}, `Slices ${item.slices[0] + 1} to ${item.slices[1]}`));
    }
    if (item.of.length) told.push(make("p", {}, "Taken from ", ...item.of.map((id) => this.#cite(id))));
    told.push(...item.caveats.map((caveat) => make("p", { className: "warn" }, `⚠ ${caveat}`)));
    at("#detail").replaceChildren(...told);
  }

  // What can be done with a piece of evidence, or what took its place.
  #offered(item) {
    const { viewer } = this;
    if (!item.stands) {
      return make("p", { className: "warn" }, "It no longer stands. ",
        ...(item.now ? ["What stands now: ", this.#cite(item.now)] : ["Nothing took its place."]));
    }
    const row = make("div", { className: "row" });
    if (["mask", "absence"].includes(item.kind)) {
      row.append(make("button", { title: "E", onclick: () => viewer.beginEdit() },
        item.kind === "mask" ? "Correct the outline" : "Draw what was missed"));
    }
    if (["mask", "region", "measurement", "absence"].includes(item.kind)) {
      row.append(make("button", { className: "danger", onclick: () => this.#reject(item) }, "Reject…"));
    }
    return row;
  }

  // Scroll the panel, never the page, which would take the image out of sight.
  #reveal(element) {
    const [panel, box] = [at("#panel"), element.getBoundingClientRect()];
    const frame = panel.getBoundingClientRect();
    const bottom = at("#detail").hidden ? frame.bottom : at("#detail").getBoundingClientRect().top;
    if (box.top < frame.top) panel.scrollTop -= frame.top - box.top + 8;
    else if (box.bottom > bottom) panel.scrollTop += Math.min(box.bottom - bottom + 8, box.top - frame.top);
  }

  #cite(id) {
    const known = this.viewer.item(id);
    return known ? make("button", { className: "cite", title: known.words, onclick: () => this.viewer.jump(id) }, id) : id;
  }

  #answers(answers) {
    const articles = answers.map((answer) => {
      const parts = answer.answer.split(CITATION);
      const text = make("p", { className: "text" });
      parts.forEach((part, number) => {
        if (number % 2 === 0) text.append(part);
        else text.append(...part.split(",").map((id) => this.#cite(id.trim())), "\u200b");
      });
      const article = make("article", {}, make("p", { className: "question" }, answer.question));
      if (answer.revised) article.append(make("span", { className: "tag" }, "revised after a correction"));
      article.append(text);
      for (const claim of answer.withheld) {
        article.append(make("p", { className: "withheld" }, `Withheld: ${claim.text} ${claim.reason}`));
      }
      return article;
    });
    at("#answers").replaceChildren(...(articles.length ? articles : [make("p", {}, "Nothing was asked yet.")]));
  }

  #history(corrections) {
    at("#history").hidden = !corrections.length;
    at("#history ol").replaceChildren(...corrections.map((made) => make("li", {},
      this.#cite(made.of), made.new ? " became " : " was rejected", ...(made.new ? [this.#cite(made.new)] : []),
      ` by ${made.by}, ${new Date(made.time).toLocaleString()}`, made.reason ? `: ${made.reason}` : "")));
  }

  // ---- how things stand

  state() {
    const { viewer } = this;
    if (!viewer.image) return;
    this.buttons.forEach((button, number) => button.setAttribute("aria-pressed", TOOLS[number][0] === viewer.tool));
    this.inverted.setAttribute("aria-pressed", viewer.inverted);
    this.cross.setAttribute("aria-pressed", viewer.crosshair);
    this.single.setAttribute("aria-pressed", at("#panes").classList.contains("single"));
    at("#overlays").checked = viewer.overlays;
    at("#opacity").value = Math.round(viewer.opacity * 100);
    if (viewer.window) {
      const { window: shown } = viewer;
      const number = viewer.image.presets.findIndex((one) => one.center === shown.center && one.width === shown.width);
      const digits = shown.width < 10 ? 2 : 0;
      const own = this.presets.querySelector('option[value="-1"]');
      if (own) own.textContent = `C ${shown.center.toFixed(digits)} W ${shown.width.toFixed(digits)}`;
      this.presets.value = number;
    }
    if (viewer.edit && this.strokes) {
      const { done, undone } = viewer.edit.strokes;
      [this.undoing.disabled, this.redoing.disabled, this.saving.disabled] = [!done.length, !undone.length, !done.length];
      this.painting.setAttribute("aria-pressed", viewer.tool === "paint");
      this.erasing.setAttribute("aria-pressed", viewer.tool === "erase");
      this.radius.value = viewer.radius;
    }
  }

  value(text) { at("#value").textContent = text; }

  progress() {
    const { volume } = this.viewer;
    const share = Math.floor((100 * volume.here) / volume.depth);
    at("#loading").textContent = volume.loaded ? "" : `Loading ${share} %`;
    document.documentElement.dataset.loaded = volume.loaded;
  }

  // ---- correcting

  editing() {
    const { viewer } = this;
    const { edit } = viewer;
    at("#edit").hidden = !edit;
    this.strokes = Boolean(edit);
    if (!edit) return;
    const press = (name, title, act) => make("button", { title, onclick: act }, name);
    this.painting = press("Draw", "D", () => viewer.choose("paint"));
    this.erasing = press("Erase", "T", () => viewer.choose("erase"));
    this.undoing = press("Undo", "Ctrl + Z", () => viewer.undo(false));
    this.redoing = press("Redo", "Ctrl + Y", () => viewer.undo(true));
    this.radius = make("input", { type: "range", min: 0.5, max: 60, step: 0.5, value: viewer.radius,
      oninput: (event) => { viewer.radius = Number(event.target.value); viewer.redraw(); } });
    const reason = make("textarea", { rows: 2, maxLength: 2000 });
    this.saving = make("button", { className: "main", onclick: () => viewer.save(reason.value) }, "Save the correction");
    at("#edit").replaceChildren(
      make("h2", {}, `Correct ${edit.item.id}: ${edit.item.target}`),
      make("div", { className: "row" }, this.painting, this.erasing, this.undoing, this.redoing),
      make("label", {}, "Brush size [ ]", this.radius),
      make("label", {}, "Reason, for the record", reason),
      make("div", { className: "row" }, this.saving, press("Cancel", "", () => viewer.endEdit())));
    this.#reveal(at("#edit"));
    this.state();
  }

  #reject(item) {
    const dialog = at("#reject");
    const resting = this.viewer.told.evidence.filter((one) => one.stands && one.of.includes(item.id)).map((one) => one.id);
    dialog.querySelector("h2").textContent = `Reject ${item.id}: ${item.target}`;
    dialog.querySelector("p").textContent = (resting.length ? `${resting.join(", ")} rest on it and go with it. ` : "")
      + "Sentences of answers that rest on it are withdrawn. All of it stays on record.";
    const reason = dialog.querySelector("textarea");
    reason.value = "";
    dialog.returnValue = "cancel";
    dialog.onclose = () => { if (dialog.returnValue === "reject") this.viewer.reject(item.id, reason.value); };
    dialog.showModal();
    reason.focus();
  }

  told(made) {
    const again = Object.keys(made.replaced).length - (made.new ? 1 : 0);
    const count = (number, words) => `${number} ${words}${number === 1 ? "" : "s"}`;
    this.tell([made.new ? `${made.of} is now ${made.new}.` : `${made.of} was rejected.`,
      again ? `${count(again, "result")} established again.` : "",
      made.withdrawn.length ? `Withdrawn: ${made.withdrawn.join(", ")}.` : "",
      made.answers.length ? `${count(made.answers.length, "answer")} revised.` : "No sentence of an answer rested on it.",
      made.differential ? "The differential changed: the chat shows it." : ""].join(" "));
  }

  busy(is) {
    document.body.setAttribute("aria-busy", is);
    for (const button of document.querySelectorAll("#edit button, #detail button")) button.disabled = is;
    if (is) this.tell("Working out what rests on it…", true);
    else if (at("#toast").textContent.startsWith("Working")) at("#toast").hidden = true;
    if (!is) this.state();
  }

  help() { at("#help").showModal(); }

  tell(text, stays = false) {
    const toast = at("#toast");
    toast.textContent = text;
    toast.hidden = false;
    clearTimeout(this.timer);
    if (!stays) this.timer = setTimeout(() => { toast.hidden = true; }, 7000);
  }
}
