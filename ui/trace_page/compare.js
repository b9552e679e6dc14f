// The difference of two records: their events paired by what they are the record of, then held field by field.

/** Fields that no two runs share, as a replay leaves them out too; and the name of the conversation. */
const UNSHARED = new Set(["seconds", "conversation"]);

function changes(one, other, path = "") {
  if (one === other) return [];
  const both = one !== null && other !== null && typeof one === "object" && typeof other === "object";
  if (both && Array.isArray(one) === Array.isArray(other)) {
    const names = new Set([...Object.keys(one), ...Object.keys(other)]);
    return [...names].filter((name) => path !== "" || !UNSHARED.has(name))
      .flatMap((name) => changes(one[name], other[name], path ? `${path}.${name}` : name));
  }
  return [{ path, one, other }];
}

/** Events that stand beside the run: an interruption, an opinion. */
const ASIDE = new Set(["resumed", "judged"]);

/** Every step of either record, in the order of the first, with what differs in it. */
function difference(first, second) {
  const theirs = new Map(second.events.map((entry) => [keyOf(eventOf(entry)), entry]));
  const rows = [];
  for (const [at, entry] of first.events.entries()) {
    const event = eventOf(entry);
    if (ASIDE.has(event.type)) continue;
    const key = keyOf(event);
    const match = theirs.get(key);
    theirs.delete(key);
    const found = match ? changes(event, eventOf(match)) : [];
    rows.push({ key, at, event, other: match && eventOf(match), changes: found, kind: !match ? "first" : found.length ? "changed" : "same" });
  }
  for (const [key, entry] of theirs) {
    const event = eventOf(entry);
    if (!ASIDE.has(event.type)) rows.push({ key, at: null, event, other: event, changes: [], kind: "second" });
  }
  return rows;
}

function valueText(value) {
  if (value === undefined) return "nothing";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** By how much two numbers differ, else nothing. */
function byHowMuch({ one, other }) {
  if (typeof one !== "number" || typeof other !== "number") return "";
  const step = other - one;
  return ` (${step > 0 ? "+" : ""}${Number(step.toPrecision(6))})`;
}

const LABELS = { same: "same", changed: "differs", first: "only here", second: "only there" };

function differenceView(record, other, select) {
  const rows = difference(record, other);
  const apart = rows.filter((row) => row.kind !== "same");
  const all = h("input", { type: "checkbox", id: "all-steps" });
  const list = h("ol", { class: "difference" });
  const fill = () => list.replaceChildren(...(all.checked ? rows : apart).map((row) => {
    const title = told(row.event)[1];
    return h("li", { class: row.kind },
      h("header", {}, h("span", { class: "state" }, LABELS[row.kind]), row.at === null ? h("strong", {}, title) : button(title, () => select(row.at), { class: "link" }), h("span", { class: "quiet" }, row.key)),
      row.kind === "second" || row.kind === "first" ? h("p", {}, shown(cut(told(row.event)[2], 300))) : null,
      row.changes.length ? h("table", {}, h("thead", {}, h("tr", {}, ["field", "here", "there"].map((name) => h("th", { scope: "col" }, name)))),
        h("tbody", {}, row.changes.map((change) => h("tr", {}, h("th", { scope: "row" }, shown(change.path)),
          h("td", {}, shown(cut(valueText(change.one), 1200))), h("td", {}, shown(cut(valueText(change.other), 1200)), byHowMuch(change)))))) : null);
  }));
  all.addEventListener("change", fill);
  fill();
  const first = apart[0];
  const faults = other.faults.length ? h("p", { class: "bad" }, `The other record is not intact: ${other.faults[0].why}`) : h("p", { class: "good" }, "The other record is intact.");
  return h("div", {},
    h("p", {}, `Here ${counted(record.events.length, "event")}, there ${counted(other.events.length, "event")} (${other.name}). Wall-clock times and the conversations' names are left out of the comparison.`),
    faults,
    h("p", { class: first ? "caveat" : "good" }, first
      ? `${counted(apart.length, "step differs", "steps differ")}. The first: ${told(first.event)[1]} (${first.key}).` : "Every step is the same."),
    h("label", { class: "check" }, all, "Show the steps that are the same too"), list);
}

/** The record in a file that somebody chose: trace.jsonl, an export, or a page like this one. */
async function recordOfFile(file) {
  let bytes = new Uint8Array(await file.arrayBuffer());
  const begin = new TextDecoder().decode(bytes.subarray(0, 64)).trimStart().toLowerCase();
  if (begin.startsWith("\u003c!doctype")) {
    const text = new TextDecoder().decode(bytes);
    const found = /\x3cscript type="application\/json" id="data">(.*?)\x3c\/script>/s.exec(text);
    bytes = ENCODER.encode(found ? JSON.parse(found[1]).text ?? "" : "");
  }
  const record = await readRecord(bytes, null);
  record.name = file.name;
  record.other = true;
  return record;
}
