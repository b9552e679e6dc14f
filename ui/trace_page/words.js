// How things are said: quantities as the record's own writer prints them, events and evidence in a line.

const DATA = JSON.parse(document.getElementById("data").textContent);
const WORDS = DATA.words;

/** Fixed decimals, ties to even, as the answers print them. */
function fixed(value, decimals) {
  const scaled = value * 10 ** decimals;
  const tie = Math.abs(scaled % 1) === 0.5 && Number.isInteger(value * 2 ** (decimals + 1));
  const text = tie ? (2 * Math.round(scaled / 2) / 10 ** decimals).toFixed(decimals) : value.toFixed(decimals);
  return value < 0 && !text.startsWith("-") ? `-${text}` : text;
}

function decimalsOf(quantity) {
  if (WORDS.whole.includes(quantity.unit)) return 0;
  const size = Math.abs(quantity.value);
  if (quantity.unit === "1" || (size !== 0 && size < 1)) return 2;
  return size >= 100 ? 0 : 1;
}

function unitOf(quantity) {
  return WORDS.units[quantity.unit] ?? String(quantity.unit);
}

function intervalOf(quantity) {
  if (typeof quantity.low !== "number" || typeof quantity.high !== "number") return "";
  const decimals = decimalsOf(quantity);
  return `${fixed(quantity.low, decimals)} to ${fixed(quantity.high, decimals)}`;
}

function quantityText(quantity) {
  if (typeof quantity?.value !== "number") return "";
  const value = `${fixed(quantity.value, decimalsOf(quantity))} ${unitOf(quantity)}`.trimEnd();
  const interval = intervalOf(quantity);
  return interval ? `${value} (${interval})` : value;
}

const KINDS = {
  image_facts: "Image facts", view: "Picture", region: "Box", mask: "Outline", measurement: "Measurement",
  passage: "Passage", absence: "Not found", limitation: "Limitation", statement: "Statement",
  criterion: "Criterion", appraisal: "Appraisal of criteria",
};

const SPACINGS = {
  header: "pixel size from the file's header", user: "pixel size as the user stated it", none: "",
};

/** One line on a piece of evidence. */
function summaryOf(item) {
  switch (item.kind) {
    case "measurement": return `${item.target}, ${item.quantity?.name}: ${quantityText(item.quantity)}`;
    case "mask": return `mask of the ${item.target}, ${item.voxels} pixels`;
    case "region": return `box of the ${item.target} at ${listOf(item.box).join(", ")}`;
    case "passage": return `${item.title} (${item.source?.organisation} ${item.source?.year})`;
    case "absence": return `${item.target}: not found. ${item.searched}`;
    case "limitation": return String(item.reason);
    case "statement": return `${item.speaker}: ${item.text}`;
    case "view": return String(item.description);
    case "criterion": case "appraisal": return String(item.text);
    case "image_facts": return Object.entries(item.facts ?? {})
      .map(([name, fact]) => `${name} ${listOf(fact)[0]}`).join(", ");
    default: return Object.entries(item).filter(([, value]) => typeof value === "string" && value.length < 90)
      .map(([name, value]) => `${name} ${value}`).join(", ");
  }
}

function caveatText(caveat) {
  return WORDS.caveats[caveat] ? `${caveat}: ${WORDS.caveats[caveat]}` : String(caveat);
}

function counted(number, one, many = `${one}s`) {
  return `${number} ${number === 1 ? one : many}`;
}

const cut = (text, length = 160) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);

function argumentsText(given) {
  return Object.entries(given ?? {}).map(([name, value]) =>
    `${name}: ${Array.isArray(value) ? value.join(", ") : typeof value === "object" ? JSON.stringify(value) : value}`).join(" · ");
}

/** Whose step it is (for its colour), its title and a line on it. */
function told(event) {
  const calls = listOf(event.tool_calls).map((call) => call?.name).join(", ");
  switch (event.type) {
    case "opened": return ["system", "Conversation opened", `reasoner ${event.reasoner?.name}, Citrus-V ${event.versions?.["citrus-v"]}`];
    case "admitted": return ["system", "Files read", listOf(event.case?.images).map((image) => `${image.id} ${image.label}`).join(", ") || "no image opened"];
    case "asked": return ["person", `Question ${event.turn}`, event.question];
    case "reasoner_started": return ["reasoner", `Reasoner asked for step ${event.step}`, listOf(event.tools).length ? `may call ${listOf(event.tools).join(", ")}` : "must answer now"];
    case "reasoner_finished": return event.fault ? ["fault", "Reasoner failed", event.fault]
      : calls ? ["reasoner", `Reasoner calls ${calls}`, event.content] : ["reasoner", "Reasoner drafts an answer", event.content];
    case "tool_started": return ["tool", `${event.tool} begins`, argumentsText(event.arguments)];
    case "tool_finished": return event.fault ? ["fault", `${event.tool} failed`, event.fault]
      : event.refused ? ["refused", `${event.tool} declines`, event.refused]
      : ["tool", `${event.tool} files ${listOf(event.evidence).map((item) => item.id).join(", ") || "nothing"}`, listOf(event.evidence).map(summaryOf).join("; ")];
    case "consent": return ["person", event.granted ? "Consent given" : "Consent declined", event.question];
    case "verified": return ["verifier", "Draft held against the evidence",
      `${counted(listOf(event.claims).length - listOf(event.withheld).length, "claim stands", "claims stand")}, ${listOf(event.withheld).length} withheld`];
    case "differentiated": return ["verifier", "Differential",
      listOf(event.differential?.candidates).map((one) => `${one.disease}: ${one.verdict}`).join(", ") || "no candidate"];
    case "answered": return ["answer", `Answer ${event.turn}`, event.answer];
    case "corrected": return ["person", `Correction ${event.number}`, `${event.of} ${filedBy(event).length ? `is replaced by ${filedBy(event).map((item) => item.id).join(", ")}` : "is rejected"}${event.reason ? `: ${event.reason}` : ""}`];
    case "revised": return ["verifier", "What followed from the correction",
      `${Object.keys(event.replaced ?? {}).length} replaced, ${listOf(event.withdrawn).length} withdrawn, ${counted(listOf(event.answers).length, "answer")} revised${event.differential ? ", the differential changed" : ""}`];
    case "judged": return ["person", "A reader's opinion", `answer ${event.turn}: ${event.opinion}${event.comment ? `, ${event.comment}` : ""}`];
    case "stopped": return ["person", "Stopped", `before step ${event.step}`];
    case "resumed": return ["system", "Taken up again", event.torn_bytes ? `${event.torn_bytes} bytes of an unfinished write were dropped` : "after the process before had ended"];
    default: return ["system", String(event.type ?? "Unreadable line").replaceAll("_", " "), ""];
  }
}

function timeOf(record, entry) {
  if (record.exported) return Number(entry.row?.after ?? 0);
  const first = Date.parse(record.events[0]?.row?.time);
  return (Date.parse(entry.row?.time) - first) / 1000;
}

function clock(seconds) {
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 60) return `+${seconds.toFixed(1)} s`;
  const whole = Math.floor(seconds);
  const pad = (part) => String(part).padStart(2, "0");
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h ? `+${h}:${pad(m)}:${pad(s)}` : `+${m}:${pad(s)}`;
}

function took(seconds) {
  if (typeof seconds !== "number") return "";
  return seconds < 0.0995 ? `${Math.max(1, Math.round(seconds * 1000))} ms` : `${seconds.toFixed(1)} s`;
}

/** A moment as people write it, in UTC as the record has it. */
function stamp(time) {
  const found = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)[.\d]*\+00:00$/.exec(time ?? "");
  return found ? `${found[1]} ${found[2]} UTC` : time;
}

/** The words as they begin inside a sentence. */
function first(words) {
  return words.charAt(0).toLowerCase() + words.slice(1);
}
