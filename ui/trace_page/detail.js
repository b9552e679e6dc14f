// One event in full: what it says in words, what it points at, and the line itself.

async function promptOf(record, sha) {
  const blob = await blobOf(record, sha);
  if (!blob) return null;
  try {
    return { messages: JSON.parse(DECODER.decode(blob.bytes)), ...blob };
  } catch {
    return { messages: null, ...blob };
  }
}

const ROLES = { system: "System", human: "User", ai: "Reasoner", tool: "Tool" };

function indented(text) {
  try {
    const value = JSON.parse(text);
    if (value !== null && typeof value === "object") return JSON.stringify(value, null, 2);
  } catch { /* prose */ }
  return text;
}

function message(one, record) {
  const parts = Array.isArray(one.content) ? one.content : [{ type: "text", text: one.content }];
  return h("article", { class: `message ${one.role}` },
    h("header", {}, ROLES[one.role] ?? shown(one.role), one.name ? h("span", { class: "kind" }, shown(one.name)) : null),
    parts.map((part) => {
      if (part?.type === "image" && part.blob) return blobPicture(record, part.blob);
      const text = typeof part === "string" ? part : part?.text ?? JSON.stringify(part);
      return text ? block(indented(text)) : null;
    }),
    listOf(one.tool_calls).map((call) => block(`${call.name}(${JSON.stringify(call.args, null, 2)})`)));
}

function blobPicture(record, sha) {
  const figure = h("figure", { class: "picture" }, h("figcaption", {}, "a picture shown to the reasoner"));
  blobOf(record, sha).then((blob) => {
    if (!blob) {
      figure.append("it was left out of this file");
      return;
    }
    let binary = "";
    for (let at = 0; at < blob.bytes.length; at += 32768) binary += String.fromCharCode(...blob.bytes.subarray(at, at + 32768));
    figure.prepend(h("img", { src: `data:image/png;base64,${btoa(binary)}`, alt: "a picture shown to the reasoner" }));
  });
  return figure;
}

/** The prompt of a step; what the step before was told already stays folded. */
function promptView(record, at) {
  const box = h("div", { class: "prompt" }, h("p", { class: "quiet" }, "Reading the prompt…"));
  const event = eventOf(record.events[at]);
  const before = record.events.slice(0, at).map(eventOf).findLast((one) => one.type === "reasoner_started");
  Promise.all([promptOf(record, event.prompt), before ? promptOf(record, before.prompt) : null]).then(([prompt, earlier]) => {
    if (!prompt) {
      box.replaceChildren(h("p", { class: "caveat" }, "This record does not carry the prompt."));
      return;
    }
    const seal = h("p", { class: prompt.intact ? "good" : "bad" }, prompt.intact
      ? "Intact: its SHA-256 is the one that the event names." : "Changed: its SHA-256 is not the one that the event names.");
    const messages = prompt.messages;
    if (!Array.isArray(messages)) {
      box.replaceChildren(seal, block(new TextDecoder().decode(prompt.bytes)));
      return;
    }
    const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
    const known = listOf(earlier?.messages);
    let old = 0;
    while (old < messages.length && old < known.length && same(messages[old], known[old])) old++;
    box.replaceChildren(seal,
      old ? folded(`${counted(old, "message")} as in the step before`, () => messages.slice(0, old).map((one) => message(one, record))) : "",
      ...messages.slice(old).map((one) => message(one, record)));
  }).catch((error) => box.replaceChildren(h("p", { class: "bad" }, `The prompt cannot be had: ${error.message}`)));
  return box;
}

function imageCard(image) {
  const size = listOf(image.shape).slice().reverse().filter((count) => count > 1).join(" × ");
  const spacing = listOf(image.spacing).slice().reverse().map((step) => Number(step.toPrecision(3))).join(" × ");
  return h("article", { class: "evidence" },
    h("header", {}, h("strong", {}, image.id), h("span", { class: "kind" }, shown(image.label))),
    picture(image.id, `${image.id} ${image.label}`),
    facts([
      ["modality", `${image.modality} (${image.modality_origin})`],
      ["body part", image.body_part ? `${image.body_part} (${image.body_part_origin})` : "unknown"],
      ["size", `${size} pixels`],
      ["spacing", spacing ? `${spacing} mm (${image.spacing_source})` : "no physical pixel size"],
      ["plane", image.plane],
    ]),
    listOf(image.caveats).map((caveat) => h("p", { class: "caveat" }, shown(caveatText(caveat)))));
}

const HOLDS = { true: "holds", false: "does not hold", null: "is open" };

/** One step of a logic tree with the steps below it; leaves open their evidence. A step is shown once. */
function stepView(tree, name, open, seen = new Set()) {
  const step = listOf(tree?.steps).find((one) => one.id === name);
  if (!step || seen.has(name)) return h("li", {}, shown(name));
  seen.add(name);
  const known = new Set(listOf(tree.steps).map((one) => one.id));
  const claim = step.claim ?? {};
  const limit = step.limit ? `, limit ${step.limit.comparison} ${step.limit.value} ${step.limit.unit}` : "";
  const leaves = listOf(step.premises).filter((premise) => !known.has(premise));
  return h("li", { class: `step ${claim.holds}` },
    h("span", {}, shown(`${claim.subject} ${claim.predicate}${claim.side ? `, ${claim.side}` : ""}: ${HOLDS[claim.holds ?? null]} (${step.rule}${step.count ? ` ${step.count}` : ""}${limit}) `),
      leaves.map((leaf) => button(leaf, () => open(leaf), { class: "cite" }))),
    known.size ? h("ul", {}, listOf(step.premises).filter((premise) => known.has(premise)).map((premise) => stepView(tree, premise, open, seen))) : null);
}

function candidateView(one, open) {
  return h("article", { class: "evidence" },
    h("header", {}, h("strong", {}, shown(one.disease)), h("span", { class: "kind" }, shown([one.side, one.image, `criteria ${one.verdict}`].filter(Boolean).join(", ")))),
    facts([["met", one.met], ["not met", one.not_met], ["undecided", one.open + one.not_assessed], ["guideline recall", one.recall],
      ["made from", h("span", {}, button(String(one.evidence), () => open(one.evidence), { class: "cite" }))]]),
    h("ul", { class: "tree" }, stepView(one.tree, one.tree?.root, open)));
}

/** What is particular to each type of event. */
function body(record, at, state, open) {
  const event = eventOf(record.events[at]);
  const cards = filedBy(event).length
    ? section("Evidence filed", filedBy(event).map((item) => evidenceCard(item, state, open))) : null;
  switch (event.type) {
    case "opened": return [
      facts([["conversation", event.conversation], ["reasoner", event.reasoner?.name], ["leaves the machine", event.reasoner?.leaves_machine ?? "no"], ["seed", event.seed]]),
      section("Tools", h("p", {}, Object.entries(event.tools ?? {}).map(([name, version]) => `${name} ${version}`).join(", "))),
      section("Versions", facts(Object.entries(event.versions ?? {}))),
      section("Settings", json(event.settings)), section("Reasoner", json(event.reasoner)),
      facts([["segmenters and grounders", Object.entries(event.backends ?? {}).map(([name, version]) => `${name} ${version}`).join(", ")], ["library", event.library]]),
    ];
    case "admitted": return [
      section("Patient", facts(Object.entries(event.case?.patient ?? {}))),
      section("Images", listOf(event.case?.images).map(imageCard)),
      section("Files that did not open", listOf(event.case?.problems).map((problem) => h("p", { class: "caveat" }, shown(`${problem.file}: ${problem.reason}`)))),
      cards,
      section("Shown to the reasoner", listOf(event.pictures).map((sha) => blobPicture(record, sha))),
    ];
    case "asked": return h("blockquote", { class: "question" }, shown(event.question));
    case "reasoner_started": return section("Prompt", promptView(record, at));
    case "reasoner_finished": return [
      event.fault ? h("p", { class: "bad" }, shown(event.fault)) : null,
      section("Raw output", event.content ? block(event.content) : h("p", { class: "quiet" }, "no text")),
      section("Tool calls", listOf(event.tool_calls).map((call) => block(`${call.name}(${JSON.stringify(call.args, null, 2)})`))),
      section("Tool calls that could not be read", listOf(event.invalid_tool_calls).map(json)),
      event.thinking ? section("Thinking", block(event.thinking)) : null,
      event.usage ? section("Usage", json(event.usage)) : null,
    ];
    case "tool_started": return section("Arguments", json(event.arguments));
    case "tool_finished": return [
      event.refused ? h("p", { class: "caveat" }, shown(event.refused)) : null,
      event.fault ? h("p", { class: "bad" }, shown(event.fault)) : null,
      facts([["tool", `${event.tool}, version ${event.version ?? "unknown"}`]]), cards,
    ];
    case "consent": return [h("blockquote", {}, shown(event.question)), facts([["subject", event.subject], ["answer", event.granted ? "yes" : "no"]])];
    case "verified": return [
      claimList(listOf(event.claims).filter((claim) => claim.verdict === "supported"), "Stand"), claimList(event.withheld, "Withheld"),
      section("Draft", block(event.draft)),
    ];
    case "differentiated": return differentialView(event.differential, open);
    case "answered": return [
      h("div", { class: "answer" }, citedText(event.answer, open)), event.bound ? h("p", { class: "caveat" }, shown(`stopped at the limit of ${event.bound}`)) : null,
      claimList(event.claims, "Claims"), claimList(event.withheld, "Withheld"),
    ];
    case "corrected": return [facts([["evidence", event.of], ["by", event.by], ["reason", event.reason]]), cards];
    case "revised": return [
      facts([["replaced", Object.entries(event.replaced ?? {}).map(([old, now]) => `${old} by ${now}`).join(", ")], ["withdrawn", listOf(event.withdrawn).join(", ")]]),
      listOf(event.answers).map((revision) => section(`Answer ${revision.turn} as revised`, h("div", { class: "answer" }, citedText(revision.answer, open)), claimList(revision.withheld, "Withheld"))),
      event.differential ? section("The differential as it stands now", differentialView(event.differential, open)) : null,
    ];
    case "judged": return facts([["answer", event.turn], ["opinion", event.opinion], ["comment", event.comment], ["by", event.by],
      ["given on", hashText(String(event.head))], ["signed with", event.key_used ? hashText(event.key_used) : "no key"], ["signature", event.signature ? hashText(event.signature) : ""]]);
    default: {
      const { type, ...rest } = event;
      return [cards, Object.keys(rest).length ? section("What it holds", json(rest)) : null];
    }
  }
}

function differentialView(differential, open) {
  const candidates = listOf(differential?.candidates);
  return [
    candidates.length ? candidates.map((one) => candidateView(one, open)) : h("p", { class: "quiet" }, "no candidate"),
    section("Trees that were rejected", listOf(differential?.withheld).map((words) => h("p", { class: "caveat" }, shown(words)))),
  ];
}

function eventDetail(record, at, open) {
  const entry = record.events[at];
  const event = eventOf(entry);
  const [actor, title] = told(event);
  const state = stateAt(record, at);
  const raw = new TextDecoder().decode(entry.line);
  return h("div", { class: "detail" },
    h("h2", { class: actor, tabindex: "-1" }, title),
    h("p", { class: "quiet" }, [
      `event ${at + 1} of ${record.events.length}`, stamp(entry.row?.time), entry.row?.after === undefined ? "" : `${entry.row.after} s after the opening`,
      took(event.seconds) && `took ${took(event.seconds)}`,
    ].filter(Boolean).join(" · ")),
    entry.faults.map((fault) => h("p", { class: "bad" }, shown(`Line ${entry.at + 1}: ${fault}`))),
    body(record, at, state, open),
    section("The line itself",
      facts([["SHA-256", hashText(entry.hash)], ["of the line before", hashText(String(entry.row?.prev ?? "unreadable"))]]),
      folded("The exact line", () => block(raw)), folded("Indented", () => (entry.row ? json(entry.row) : block(raw)))));
}

/** Questions and answers as they stood. */
function conversationView(record, at, open) {
  const state = stateAt(record, at);
  if (!state.turns.size) return h("p", { class: "quiet" }, "Nothing has been asked yet.");
  return h("div", { class: "conversation" }, [...state.turns.values()].map((turn) => [
    h("article", { class: "turn question" }, h("header", {}, `Question ${turn.turn}`), h("p", {}, shown(turn.question))),
    turn.answered
      ? h("article", { class: "turn answer" },
        h("header", {}, `Answer ${turn.turn}`, turn.revised ? h("span", { class: "fate" }, "revised after a correction") : null),
        citedText(turn.answered.answer, open), claimList(turn.answered.withheld, "Withheld, because the evidence does not carry it"))
      : h("p", { class: "quiet" }, `Under way: ${first(told(eventOf(record.events[at]))[1])}.`),
  ]));
}

function evidenceView(record, at, open) {
  const state = stateAt(record, at);
  if (!state.evidence.size) return h("p", { class: "quiet" }, "No evidence has been filed yet.");
  return h("div", { class: "cards" }, [...state.evidence.values()].map(({ item }) => evidenceCard(item, state, open)));
}
