// The page: the seal of the record, the timeline, a place in it, and what stood there.

const STEP_MS = 900;

function themed() {
  // The chat keeps its reader's choice under this name; a file may have no storage at all.
  let theme = null;
  try { theme = localStorage.getItem("vite-ui-theme"); } catch { /* none */ }
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
}

function themeButton() {
  const dark = () => (document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const press = button("", () => {
    document.documentElement.dataset.theme = dark() ? "light" : "dark";
    try { localStorage.setItem("vite-ui-theme", document.documentElement.dataset.theme); } catch { /* none */ }
    press.textContent = dark() ? "Light" : "Dark";
  });
  press.textContent = dark() ? "Light" : "Dark";
  return press;
}

function download(bytes, name, type) {
  const address = URL.createObjectURL(new Blob([bytes], { type }));
  const link = h("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

class Page {
  constructor(record) {
    this.record = record;
    this.at = Math.max(0, record.events.length - 1);
    this.tab = "event";
    this.other = null;
    this.timer = null;
    const first = eventOf(record.events[0] ?? {});
    this.name = first.conversation ?? "a record";
    this.panel = h("div", { class: "panel-body", id: "panel", role: "tabpanel", tabindex: "-1" });
    this.live = h("p", { class: "visually-hidden", "aria-live": "polite" });
    document.getElementById("page").replaceChildren(this.header(), h("main", {}, this.seal(), this.stepper(), this.columns()),
      h("footer", {}, WORDS.notice), this.live);
    const wanted = new URLSearchParams(location.hash.slice(1));
    const number = Number(wanted.get("event"));
    if (number >= 1 && number <= record.events.length) this.at = number - 1;
    document.addEventListener("keydown", (event) => this.key(event));
    this.go(this.at, false);
    if (ID.test(wanted.get("evidence") ?? "")) this.open(wanted.get("evidence"));
  }

  header() {
    const served = DATA.mode === "served";
    const links = Object.entries(DATA.links ?? {}).map(([name, address]) => h("a", { href: address, class: "button" }, name));
    return h("header", { class: "bar" },
      h("div", {}, h("span", { class: "brand" }, "Citrus-V"), h("h1", {}, "Trace"), h("code", { class: "name" }, shown(this.name))),
      h("nav", { "aria-label": "What to do with this record" }, links,
        button("Compare…", () => this.askOther()),
        served ? button("Export…", () => this.askExport()) : button("Save the record", () => download(this.record.bytes, `citrus-${this.record.last.slice(0, 12)}.jsonl`, "application/x-ndjson")),
        themeButton()));
  }

  seal() {
    const { record } = this;
    const intact = !record.faults.length;
    const how = OWN_HASH ? "by this page's own SHA-256, since the browser offers its own to https and localhost only" : "by your browser's SHA-256";
    const blobs = record.exported ? ` Its ${counted(record.blobs.size, "blob")} are what their names say${record.omitted.size ? `; ${counted(record.omitted.size, "blob was", "blobs were")} left out on purpose` : ""}.` : "";
    const said = h("p", { class: "quiet" }, `${counted(record.rows.length, "line")}, each hashed ${how}.${intact ? blobs : ""}`,
      record.tail.length && intact ? " The process that wrote it was interrupted: what follows the last event was never recorded." : "");
    const given = h("input", { type: "text", id: "given", maxlength: "80", spellcheck: "false", autocomplete: "off", placeholder: "the head that was printed with an answer" });
    const verdict = h("p", { role: "status" });
    given.addEventListener("input", () => verdict.replaceChildren(...this.held(given.value)));
    const outcome = h("p", { role: "status" });
    const checks = DATA.mode === "served" ? h("div", { class: "checks" },
      button("Check every blob", (event) => this.checkBlobs(event.currentTarget, outcome)),
      button("Replay it", (event) => this.replay(event.currentTarget, outcome))) : null;
    return h("section", { class: `seal ${intact ? "intact" : "broken"}`, "aria-label": "Whether the record is intact" },
      h("div", { class: "verdict" }, icon(intact ? ICONS.check : ICONS.cross),
        h("div", {}, h("h2", {}, intact ? "The chain is intact" : "NOT INTACT"), said), checks),
      outcome,
      record.faults.slice(0, 8).map((fault) => h("p", { class: "bad" }, shown(fault.at === null ? fault.why : `Line ${fault.at + 1}: ${fault.why}`),
        fault.at === null || !record.events.some((entry) => entry.at === fault.at) ? null : button("Show", () => this.go(record.events.findIndex((entry) => entry.at === fault.at)), { class: "small" }))),
      record.faults.length > 8 ? h("p", { class: "bad" }, `and ${record.faults.length - 8} more`) : null,
      h("div", { class: "head" }, h("span", {}, "Head"), copyable(record.last, "head hash")),
      record.original ? h("div", { class: "head" }, h("span", {}, "Head of the original"), copyable(String(record.original), "head hash of the original")) : null,
      h("div", { class: "head" }, h("label", { for: "given" }, "Compare with"), given), verdict);
  }

  held(text) {
    const hash = text.trim().toLowerCase();
    if (!hash) return [];
    if (!/^[0-9a-f]{64}$/.test(hash)) return [h("span", { class: "quiet" }, "A head has 64 hexadecimal digits.")];
    const { record } = this;
    if (hash === record.original) return [h("span", { class: "good" }, "It is the head of the original that this export names.")];
    const at = record.rows.findIndex((entry) => entry.hash === hash);
    if (at < 0) return [h("span", { class: "bad" }, "No line of this record has that hash: it was changed since, or it is another conversation's.")];
    const event = record.events.findIndex((entry) => entry.at === at);
    const where = event < 0 ? `line ${at + 1}` : `event ${event + 1}, ${told(eventOf(record.events[event]))[1]}`;
    const broken = record.faults.some((fault) => fault.at !== null && fault.at <= at);
    if (broken) return [h("span", { class: "bad" }, `It is ${where}, but a line before it is not intact.`)];
    return [h("span", { class: "good" }, at === record.rows.length - 1 ? "It is the head of this record." : `It is ${where}: everything up to there is as it was then, and ${counted(record.rows.length - 1 - at, "line")} came after.`)];
  }

  async checkBlobs(press, outcome) {
    const wanted = [...new Set(this.record.events.flatMap((entry) => [...(JSON.stringify(entry.row?.event ?? {}).matchAll(/"(?:blob|pixels|prompt)":"([0-9a-f]{64})"/g))].map((found) => found[1])
      .concat(listOf(entry.row?.event?.pictures))))];
    press.disabled = true;
    const faults = [];
    let bytes = 0;
    for (const [at, sha] of wanted.entries()) {
      outcome.textContent = `Reading blob ${at + 1} of ${wanted.length}`;
      try {
        const answer = await fetch(`${DATA.base}/blob/${sha}`);
        const data = answer.ok ? new Uint8Array(await answer.arrayBuffer()) : null;
        bytes += data?.length ?? 0;
        if (!data) faults.push(`${sha.slice(0, 12)}… is missing or was changed`);
        else if ((await digest(data)) !== sha) faults.push(`${sha.slice(0, 12)}… was changed`);
      } catch (error) {
        faults.push(`${sha.slice(0, 12)}… cannot be had: ${error.message}`);
      }
    }
    outcome.className = faults.length ? "bad" : "good";
    outcome.textContent = faults.length ? faults.join("; ") : `All ${wanted.length} blobs are intact (${(bytes / 1e6).toFixed(1)} MB hashed here).`;
    press.disabled = false;
  }

  async replay(press, outcome) {
    press.disabled = true;
    outcome.className = "quiet";
    outcome.textContent = "Running the conversation again on its recorded outputs…";
    try {
      const answer = await fetch(`${DATA.base}/replay`);
      const found = await answer.json();
      outcome.className = found.reproduced ? "good" : "bad";
      outcome.textContent = found.message ?? found.detail;
    } catch (error) {
      outcome.className = "bad";
      outcome.textContent = `It could not be run: ${error.message}`;
    }
    press.disabled = false;
  }

  stepper() {
    const last = this.record.events.length - 1;
    this.slider = h("input", { type: "range", min: "1", max: String(last + 1), "aria-label": "Event", oninput: () => this.go(Number(this.slider.value) - 1) });
    this.place = h("output", {});
    this.player = button("", () => this.play(), { "aria-label": "Play" }, "play");
    return h("section", { class: "stepper", "aria-label": "Replay, step by step" },
      button("", () => this.go(0), { "aria-label": "First event" }, "first"), button("", () => this.go(this.at - 1), { "aria-label": "One event back" }, "back"),
      this.player,
      button("", () => this.go(this.at + 1), { "aria-label": "One event forward" }, "forward"), button("", () => this.go(last), { "aria-label": "Last event" }, "last"),
      this.slider, this.place);
  }

  play() {
    const stop = () => {
      clearTimeout(this.timer);
      this.timer = null;
      this.player.replaceChildren(icon(ICONS.play));
      this.player.setAttribute("aria-label", "Play");
    };
    if (this.timer !== null) {
      stop();
      return;
    }
    if (this.at === this.record.events.length - 1) this.go(0);
    this.player.replaceChildren(icon(ICONS.pause));
    this.player.setAttribute("aria-label", "Pause");
    const step = () => {
      if (this.at >= this.record.events.length - 1) stop();
      else {
        this.go(this.at + 1);
        this.timer = setTimeout(step, STEP_MS);
      }
    };
    this.timer = setTimeout(step, STEP_MS);
  }

  columns() {
    this.tabs = h("div", { class: "tabs", role: "tablist" });
    return h("div", { class: "columns" }, h("section", { class: "timeline", "aria-label": "Timeline" }, this.timeline()),
      h("section", { class: "panel", "aria-label": "What stood at this event" }, this.tabs, this.panel));
  }

  timeline() {
    const { record } = this;
    const longest = Math.max(1e-3, ...record.events.map((entry) => Number(eventOf(entry).seconds) || 0));
    const groups = [];
    this.buttons = record.events.map((entry, at) => {
      const event = eventOf(entry);
      const [actor, title, words] = told(event);
      if (!groups.length || event.type === "asked" || event.type === "corrected") {
        groups.push({ title: event.type === "asked" ? `Question ${event.turn}` : event.type === "corrected" ? `Correction ${event.number}` : "Opening", rows: [] });
      }
      const meter = h("meter", { min: "0", max: String(longest), value: String(Number(event.seconds) || 0), "aria-hidden": "true" });
      const press = h("button", { type: "button", class: `event ${actor}${entry.faults.length ? " broken" : ""}`, onclick: () => this.go(at, true) },
        h("span", { class: "number" }, String(at + 1)),
        h("span", { class: "title" }, shown(title)),
        h("span", { class: "when" }, took(event.seconds) || clock(timeOf(record, entry))),
        words ? h("span", { class: "words" }, shown(cut(String(words)))) : null,
        event.seconds > longest / 50 ? meter : null);
      groups.at(-1).rows.push(h("li", {}, press));
      return press;
    });
    return groups.map((group) => [h("h3", {}, group.title), h("ol", {}, group.rows)]);
  }

  go(to, focus = false) {
    const last = this.record.events.length - 1;
    if (last < 0) {
      this.panel.replaceChildren(h("p", { class: "bad" }, "There is no event in this record."));
      return;
    }
    this.at = Math.min(Math.max(0, to), last);
    this.buttons.forEach((press, at) => {
      press.classList.toggle("later", at > this.at);
      if (at === this.at) press.setAttribute("aria-current", "step");
      else press.removeAttribute("aria-current");
    });
    const entry = this.record.events[this.at];
    this.slider.value = String(this.at + 1);
    this.place.textContent = `${this.at + 1} of ${last + 1}  ${clock(timeOf(this.record, entry))}`;
    this.slider.setAttribute("aria-valuetext", `${this.at + 1} of ${last + 1}: ${told(eventOf(entry))[1]}`);
    const current = this.buttons[this.at];
    const box = current.closest(".timeline");
    if (box.scrollHeight > box.clientHeight) {
      const [inner, outer] = [current.getBoundingClientRect(), box.getBoundingClientRect()];
      if (inner.top < outer.top + 40) box.scrollTop += inner.top - outer.top - 40;
      if (inner.bottom > outer.bottom - 20) box.scrollTop += inner.bottom - outer.bottom + 20;
    }
    if (focus) this.tab = "event";
    this.show();
  }

  show() {
    const open = (name) => this.open(name);
    const tabs = { event: "Event", conversation: "Conversation", evidence: "Evidence", ...(this.other ? { difference: "Difference" } : {}) };
    this.tabs.replaceChildren(...Object.entries(tabs).map(([name, title]) => button(title, () => {
      this.tab = name;
      this.show();
      this.tabs.querySelector("[aria-selected=true]").focus();
    }, { role: "tab", "aria-controls": "panel", "aria-selected": String(this.tab === name) })));
    const views = {
      event: () => eventDetail(this.record, this.at, open),
      conversation: () => conversationView(this.record, this.at, open),
      evidence: () => evidenceView(this.record, this.at, open),
      difference: () => differenceView(this.record, this.other, (at) => this.go(at, true)),
    };
    this.panel.replaceChildren(views[this.tab]());
    this.panel.scrollTop = 0;
  }

  /** Show a piece of evidence, at the present place if it stood there, else where it was filed. */
  open(name) {
    if (!stateAt(this.record, this.at).evidence.has(name)) {
      const filed = stateAt(this.record, this.record.events.length).evidence.get(name);
      if (!filed) {
        this.live.textContent = `${name} is not in this record`;
        return;
      }
      this.tab = "evidence";
      this.go(filed.at);
    } else {
      this.tab = "evidence";
      this.show();
    }
    const card = document.getElementById(`evidence-${name}`);
    card?.scrollIntoView({ block: "start" });
    card?.classList.add("found");
    this.live.textContent = `Evidence ${name}`;
  }

  key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || document.querySelector("dialog[open]")) return;
    if (event.target.closest("input, textarea, select, pre")) return;
    const moves = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, j: 1, k: -1 };
    if (event.target.role === "tab" && (event.key === "ArrowRight" || event.key === "ArrowLeft")) {
      const all = [...this.tabs.children];
      all[(all.indexOf(event.target) + moves[event.key] + all.length) % all.length].click();
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && event.target.closest(".panel")) return;
    else if (moves[event.key]) this.go(this.at + moves[event.key]);
    else if (event.key === "Home") this.go(0);
    else if (event.key === "End") this.go(this.record.events.length - 1);
    else return;
    if (event.target.closest?.(".timeline")) this.buttons[this.at].focus({ preventScroll: true });
    event.preventDefault();
  }

  dialog(title, ...children) {
    const box = h("dialog", { class: "form", "aria-label": title }, h("h2", {}, title), children);
    box.addEventListener("close", () => box.remove());
    document.body.append(box);
    box.showModal();
    return box;
  }

  compare(other) {
    this.other = other;
    this.tab = "difference";
    this.show();
    this.panel.scrollIntoView({ block: "nearest" });
  }

  askOther() {
    const said = h("p", { role: "status" });
    const file = h("input", { type: "file", id: "other-file", accept: ".jsonl,.html" });
    const list = h("ul", { class: "choices" });
    const box = this.dialog("Compare with another record",
      h("label", { for: "other-file" }, "A file: trace.jsonl, an export, or a saved page. It is read here and sent nowhere."), file, list, said,
      h("div", { class: "row" }, button("Cancel", () => box.close())));
    const take = async (make) => {
      said.className = "quiet";
      said.textContent = "Reading and checking…";
      try {
        this.compare(await make());
        box.close();
      } catch (error) {
        said.className = "bad";
        said.textContent = `It cannot be read: ${error.message}`;
      }
    };
    file.addEventListener("change", () => { if (file.files[0]) take(() => recordOfFile(file.files[0])); });
    if (DATA.mode !== "served") return;
    fetch(`${DATA.base}/others`).then((answer) => answer.json()).then((others) => {
      if (others.length) list.before(h("p", {}, "Or one of your conversations:"));
      list.append(...others.map((one) => h("li", {}, button(h("span", {}, shown(one.question || "nothing asked"), h("code", {}, one.conversation)),
        () => take(() => fetchedRecord(`/trace/${one.conversation}`, one.conversation)), { class: "link" }))));
    }).catch(() => { /* the file picker remains */ });
  }

  askExport() {
    const words = h("textarea", { id: "words", rows: "4", spellcheck: "false", placeholder: "one a line, such as a name that was typed into a question" });
    const pixels = h("input", { type: "checkbox", id: "pixels" });
    const said = h("p", { role: "status" });
    const save = async (format) => {
      said.className = "quiet";
      said.textContent = "Writing the export…";
      const struck = words.value.split("\n").map((word) => word.trim()).filter(Boolean);
      try {
        const answer = await fetch(`${DATA.base}/export`, {
          method: "POST", headers: { "content-type": "application/json" },
          body: JSON.stringify({ format, words: struck, pixels: pixels.checked }),
        });
        if (!answer.ok) throw new Error((await answer.json()).detail);
        download(await answer.arrayBuffer(), `${this.name}.${format}`, answer.headers.get("content-type"));
        said.className = "good";
        said.replaceChildren("Saved. Its head: ", hashText(answer.headers.get("x-citrus-head")));
      } catch (error) {
        said.className = "bad";
        said.textContent = String(error.message);
      }
    };
    const box = this.dialog("Export, redacted",
      h("p", {}, "One file that can be handed on, checked and replayed anywhere. Clock times become seconds since the opening; pictures that may hold a name stay behind."),
      h("label", { for: "words" }, "Strike these words out too"), words,
      h("label", { class: "check" }, pixels, "Take the images' own pixels along"), said,
      h("div", { class: "row" }, button("As a page (.html)", () => save("html"), { class: "primary" }), button("As a record (.jsonl)", () => save("jsonl"), { class: "primary" }), button("Close", () => box.close())));
  }
}

async function fetchedRecord(base, name) {
  const answer = await fetch(`${base}/lines`);
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).detail ?? `the server answered ${answer.status}`);
  const record = await readRecord(new Uint8Array(await answer.arrayBuffer()), answer.headers.get("x-citrus-head") ?? "");
  record.name = name;
  record.other = base !== DATA.base;
  return record;
}

themed();
(DATA.mode === "file" ? readRecord(ENCODER.encode(DATA.text), null) : fetchedRecord(DATA.base, ""))
  .then((record) => { globalThis.citrus = { page: new Page(record), record, sha256, quantityText, summaryOf, difference, readRecord }; })
  .catch((error) => document.getElementById("page").replaceChildren(h("p", { class: "plain bad", role: "alert" }, `The record cannot be shown: ${error.message}`)));
