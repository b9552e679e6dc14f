// A record: its lines as they are, the chain between them, and what the events say up to any one of them.

const GENESIS = "0".repeat(64);
const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { fatal: true });

function split(bytes) {
  const lines = [];
  let start = 0;
  for (let end; (end = bytes.indexOf(10, start)) >= 0; start = end + 1) lines.push(bytes.subarray(start, end));
  return { lines, tail: bytes.subarray(start) };
}

function fromBase64(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

/** The value a line holds, or why it holds none. */
function parsed(line) {
  try {
    const row = JSON.parse(DECODER.decode(line));
    if (row === null || typeof row !== "object" || Array.isArray(row)) return { fault: "it is not an object" };
    return { row };
  } catch (error) {
    return { fault: `it cannot be read: ${error.message}` };
  }
}

/** Hash every line and hold every link. `head` is the hash noted beside a trace; null for an export. */
async function readRecord(bytes, head) {
  const { lines, tail } = split(bytes);
  const rows = [];
  let prev = GENESIS;
  for (const [at, line] of lines.entries()) {
    const hash = await digest(line);
    const { row, fault } = parsed(line);
    const entry = { at, line, hash, row, faults: fault ? [fault] : [] };
    if (row) {
      if (row.seq !== at) entry.faults.push(`its number is ${row.seq}, but ${at} is due: a line is missing, added or moved`);
      if (row.prev !== prev) entry.faults.push("it does not follow from the line before, which was changed or exchanged");
    }
    rows.push(entry);
    prev = hash;
  }
  const exported = Boolean(rows[0]?.row?.export);
  const record = { bytes, rows, tail, exported, head, last: prev, faults: [], omitted: new Set(), blobs: new Map() };
  record.events = rows.filter((entry) => exported ? entry.row?.event : !entry.row || entry.row.event || entry.faults.length);
  for (const entry of rows) {
    if (entry.faults.length) record.faults.push({ at: entry.at, why: entry.faults[0] });
  }
  (exported ? checkExport : checkTrace)(record);
  if (exported) await checkCarried(record);
  return record;
}

function checkTrace(record) {
  const say = (why) => record.faults.push({ at: null, why });
  if (!record.rows.length) say("there is no complete event in it");
  else if (record.rows[0].row?.event?.type !== "opened") say("it does not begin with the opening of a conversation");
  const known = record.rows.some((entry) => entry.hash === record.head);
  const begun = record.head === GENESIS && record.rows.length === 1;
  if (record.head !== null && !known && !begun) say("the last event that was noted is not in it: the tail was cut or rewritten");
  if (record.head === null && record.tail.length) say(`${record.tail.length} bytes follow the last event`);
}

function checkExport(record) {
  const say = (why) => record.faults.push({ at: null, why });
  const header = record.rows[0].row.export;
  const end = record.rows.at(-1).row?.end;
  const events = record.rows.filter((entry) => entry.row?.event).length;
  const blobs = record.rows.filter((entry) => entry.row?.blob).length;
  if (record.tail.length) say("its last line was cut");
  if (!end) say("its end is missing");
  else if (end.events !== events || end.blobs !== blobs) {
    say(`it holds ${events} events and ${blobs} blobs, but ${end.events} and ${end.blobs} were written`);
  }
  if (Array.isArray(header.omitted)) record.omitted = new Set(header.omitted);
  record.original = header.original_head;
}

async function checkCarried(record) {
  for (const entry of record.rows) {
    if (typeof entry.row?.blob !== "string") continue;
    let found = "";
    try {
      const bytes = fromBase64(entry.row.data);
      found = await digest(bytes);
      record.blobs.set(entry.row.blob, bytes);
    } catch { /* no base64 is no blob */ }
    if (found !== entry.row.blob) record.faults.push({ at: entry.at, why: `the blob ${entry.row.blob} was changed` });
  }
}

const eventOf = (entry) => entry.row?.event ?? {};
const listOf = (value) => (Array.isArray(value) ? value : []);

/** What an event is the record of: the same key in two records is the same step. */
function keyOf(event) {
  const parts = {
    asked: ["turn"], reasoner_started: ["turn", "step"], reasoner_finished: ["turn", "step"],
    tool_started: ["turn", "step", "call"], tool_finished: ["turn", "step", "call"], consent: ["subject"],
    verified: ["turn", "attempt"], differentiated: ["turn"], answered: ["turn"], corrected: ["number"], revised: ["number"], judged: ["number"],
    stopped: ["turn", "step"], resumed: ["after"],
  }[event.type] ?? ["turn", "step", "number"];
  return [event.type, ...parts.map((part) => event[part]).filter((value) => value !== undefined)].join(" ");
}

const ID = /^E\d+$/;

/** Every piece of evidence that an event filed, wherever in it. */
function filedBy(event) {
  if (event.type === "admitted" || event.type === "tool_finished" || event.type === "corrected") return listOf(event.evidence);
  return listOf(event.evidence).filter((item) => item && typeof item === "object" && ID.test(item.id));
}

/** The conversation as it stood after the event at `upTo`. */
function stateAt(record, upTo) {
  const state = { turns: new Map(), evidence: new Map(), fates: new Map(), images: [], case: null, opened: null, doing: "" };
  for (const [at, entry] of record.events.entries()) {
    if (at > upTo) break;
    const event = eventOf(entry);
    state.doing = event.type;
    for (const item of filedBy(event)) if (item?.id) state.evidence.set(item.id, { item, at });
    if (event.type === "opened") state.opened = event;
    if (event.type === "admitted") {
      state.case = event.case;
      state.images = listOf(event.case?.images);
    }
    if (event.type === "asked") state.turns.set(event.turn, { turn: event.turn, question: event.question, at });
    if (event.type === "answered") Object.assign(state.turns.get(event.turn) ?? {}, { answered: event, answeredAt: at });
    if (event.type === "corrected") state.fates.set(event.of, filedBy(event)[0]?.id ?? null);
    if (event.type === "revised") {
      for (const name of listOf(event.withdrawn)) state.fates.set(name, null);
      for (const [name, other] of Object.entries(event.replaced ?? {})) state.fates.set(name, other);
      for (const revision of listOf(event.answers)) {
        Object.assign(state.turns.get(revision.turn) ?? {}, { answered: revision, answeredAt: at, revised: true });
      }
    }
  }
  return state;
}
