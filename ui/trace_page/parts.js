// Pieces of the page. Everything from the record becomes text nodes; nothing is ever parsed as markup.

const INVISIBLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;
const SVG = "http://www.w3.org/2000/svg";

/** An element: attributes, listeners under `on…`, then children: nodes, text, lists of these, or nothing. */
function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && typeof value === "boolean") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.flat(9).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Text in which characters that hide or reorder others are shown by their code. */
function shown(text) {
  const whole = String(text ?? "");
  const nodes = [];
  let from = 0;
  for (const found of whole.matchAll(INVISIBLE)) {
    if (found[0] === "\r" && whole[found.index + 1] === "\n") continue;
    nodes.push(whole.slice(from, found.index));
    const code = `U+${found[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
    nodes.push(h("span", { class: "odd", title: "an invisible or reordering character" }, code));
    from = found.index + found[0].length;
  }
  nodes.push(whole.slice(from));
  return nodes.filter((node) => node !== "");
}

function icon(path) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const stroke = document.createElementNS(SVG, "path");
  stroke.setAttribute("d", path);
  svg.append(stroke);
  return svg;
}

const ICONS = {
  first: "M18 5 9 12l9 7M6 5v14", back: "M15 5l-9 7 9 7", forward: "M9 5l9 7-9 7", last: "M6 5l9 7-9 7M18 5v14",
  play: "M8 5v14l11-7z", pause: "M8 5v14M16 5v14", check: "M4 12.5l5.5 5.5L20 7", cross: "M6 6l12 12M18 6 6 18",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
};

function button(label, act, attributes = {}, mark = null) {
  return h("button", { type: "button", onclick: act, ...attributes }, mark ? icon(ICONS[mark]) : null, label);
}

/** Rows of name and value; rows without value are left out. */
function facts(rows) {
  const kept = rows.filter(([, value]) => value !== undefined && value !== null && value !== "" && value?.length !== 0);
  return kept.length ? h("dl", { class: "facts" }, kept.map(([name, value]) => [h("dt", {}, name), h("dd", {}, typeof value === "object" ? value : shown(value))])) : null;
}

function section(title, ...children) {
  const inside = children.flat(9).filter((child) => child !== null && child !== undefined && child !== false);
  return inside.length ? h("section", { class: "part" }, h("h3", {}, title), inside) : null;
}

/** Something to open; its content is made when it is first opened. */
function folded(title, make, open = false) {
  const box = h("details", {}, h("summary", {}, title));
  const fill = () => {
    if (box.open && box.childElementCount === 1) box.append(...[make()].flat(9).filter(Boolean));
  };
  box.addEventListener("toggle", fill);
  box.open = open;
  if (open) fill();
  return box;
}

function block(text) {
  return h("pre", { tabindex: "0" }, shown(text));
}

function json(value) {
  return block(JSON.stringify(value, null, 2));
}

function hashText(hash) {
  return h("code", { class: "hash" }, hash);
}

function copyable(text, name) {
  const press = button("Copy", async () => {
    try {
      await navigator.clipboard.writeText(text);
      press.lastChild.data = "Copied";
    } catch {
      const range = document.createRange();
      range.selectNodeContents(box.firstChild);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      press.lastChild.data = "Selected";
    }
  }, { class: "small", "aria-label": `Copy the ${name}` }, "copy");
  const box = h("span", { class: "copyable" }, hashText(text), press);
  return box;
}

/** An answer's words, its citations as buttons that open the evidence. */
function citedText(text, open) {
  return String(text ?? "").split(/\n\s*\n/).map((paragraph) => h("p", {}, paragraph.split(/(\[E\d+(?:\s*,\s*E\d+)*\])/).map((part, at) => {
    if (at % 2 === 0) return shown(part);
    const names = part.slice(1, -1).split(",").map((name) => name.trim());
    return names.map((name) => button(name, () => open(name), { class: "cite", "aria-label": `Open evidence ${name}` }));
  })));
}

function claimList(claims, title) {
  return section(title, listOf(claims).length ? h("ul", { class: "claims" }, claims.map((claim) => h("li", { class: claim.verdict },
    h("span", { class: "verdict" }, claim.verdict), h("span", {}, shown(claim.text),
      listOf(claim.evidence).length ? h("span", { class: "ids" }, ` ${claim.evidence.join(", ")}`) : null,
      claim.reason ? h("span", { class: "reason" }, shown(claim.reason)) : null)))) : null);
}

// Pictures and blobs: inside a file they are at hand; a server gives them by address.

function pictureAddress(name) {
  return DATA.mode === "file" ? DATA.pictures[name] : `${DATA.base}/picture/${encodeURIComponent(name)}.png`;
}

/** Whether there can be a picture of a piece of evidence. */
function visual(item) {
  if (item.kind === "measurement") return listOf(item.points).length > 0 || listOf(item.of).length > 0;
  return ["view", "mask", "region"].includes(item.kind);
}

function picture(name, words) {
  const address = pictureAddress(name);
  if (!address) return null;
  const image = h("img", { src: address, alt: words, loading: "lazy", tabindex: "0", title: "Press to enlarge" });
  const figure = h("figure", { class: "picture" }, image);
  image.addEventListener("error", () => figure.remove());
  const enlarge = () => enlarged(address, words);
  image.addEventListener("click", enlarge);
  image.addEventListener("keydown", (event) => { if (event.key === "Enter") enlarge(); });
  return figure;
}

function enlarged(address, words) {
  const box = h("dialog", { class: "enlarged", "aria-label": words }, h("img", { src: address, alt: words }),
    h("p", {}, shown(words)), button("Close", () => box.close()));
  box.addEventListener("click", (event) => { if (event.target === box) box.close(); });
  box.addEventListener("close", () => box.remove());
  document.body.append(box);
  box.showModal();
}

const FETCHED = new Map();

/** The bytes of a blob and whether they have the hash they are called by; null where the record lacks them. */
async function blobOf(record, sha) {
  if (FETCHED.has(sha)) return FETCHED.get(sha);
  let bytes = record.blobs.get(sha) ?? null;
  if (!bytes && DATA.mode === "served" && !record.other) {
    const answer = await fetch(`${DATA.base}/blob/${sha}`);
    if (answer.ok) bytes = new Uint8Array(await answer.arrayBuffer());
  }
  const found = bytes && { bytes, intact: (await digest(bytes)) === sha };
  if (found) FETCHED.set(sha, found);
  return found;
}

function spacingText(item) {
  return item.kind === "measurement" ? SPACINGS[item.quantity?.spacing] : "";
}

/** One piece of evidence in full. */
function evidenceCard(item, state, open) {
  const gone = state.fates.has(item.id);
  const now = state.fates.get(item.id);
  const source = item.source ?? {};
  const where = source.doi ? `https://doi.org/${source.doi}` : source.url;
  const names = (ids) => listOf(ids).map((name) => button(name, () => open(name), { class: "cite" }));
  const link = typeof where === "string" && /^https?:\/\//.test(where)
    ? h("a", { href: where, rel: "noopener noreferrer", target: "_blank" }, where) : where;
  const limits = listOf(item.thresholds).map((limit) =>
    `${limit.name} ${limit.comparison} ${limit.value}${limit.high !== null && limit.high !== undefined ? ` to ${limit.high}` : ""} ${limit.unit} (${limit.population})`);
  return h("article", { class: `evidence${gone ? " gone" : ""}`, id: `evidence-${item.id}` },
    h("header", {}, h("strong", {}, item.id), h("span", { class: "kind" }, KINDS[item.kind] ?? item.kind),
      gone ? h("span", { class: "fate" }, now ? ["no longer stands; see ", names([now])] : "no longer stands") : null),
    visual(item) ? picture(item.id, `${item.id}: ${summaryOf(item)}`) : null,
    item.kind === "passage"
      ? [h("p", {}, h("strong", {}, shown(item.title))), h("blockquote", {}, shown(item.text))]
      : item.kind === "image_facts"
        ? facts(Object.entries(item.facts ?? {}).map(([name, fact]) => [name, `${listOf(fact)[0]} (${listOf(fact)[1]})`]))
        : item.kind === "measurement"
          ? h("p", { class: "figure" }, h("span", { class: "value" }, quantityText(item.quantity).split(" (")[0]),
            ` ${item.target}, ${item.quantity?.name}`)
          : h("p", {}, shown(summaryOf(item))),
    facts([
      ["interval", item.kind === "measurement" ? intervalOf(item.quantity) && `${intervalOf(item.quantity)} ${unitOf(item.quantity)}` : ""],
      ["spacing", spacingText(item)],
      ["source", item.kind === "passage" ? [shown(`${source.title}. ${source.organisation} ${source.year}. ${item.locator ?? ""} `), link] : ""],
      ["limits", limits.join("; ")],
      ["side", item.side], ["image", item.image],
      [item.kind === "measurement" ? "measured on" : "rests on", listOf(item.of).length ? h("span", {}, names(item.of)) : ""],
      ["slices", listOf(item.slices).length && item.slices[1] - item.slices[0] > 1 ? `${item.slices[0] + 1} to ${item.slices[1]}` : ""],
      ["scores", Object.entries(item.scores ?? {}).map(([name, value]) => `${name} ${value}`).join(", ")],
      ["confidence", item.confidence ? `${item.confidence.value} (${item.confidence.method})` : ""],
      ["what can be done", item.kind === "limitation" ? listOf(item.known).join(", ") : ""],
    ]),
    listOf(item.caveats).map((caveat) => h("p", { class: "caveat" }, shown(caveatText(caveat)))),
    DATA.links?.Viewer && item.image && ["mask", "region", "measurement"].includes(item.kind)
      ? h("p", {}, h("a", { href: `${DATA.links.Viewer}?evidence=${encodeURIComponent(item.id)}` }, "Open in the viewer")) : null,
    folded("As recorded", () => json(item)));
}
