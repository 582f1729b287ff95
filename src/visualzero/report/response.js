// One response or rollout in full: its question, its text with tags and cues, what scorers or rewards say, and its kin.

const TAGS = /<\/?(?:think|answer)>/g;
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const OTHER_ARMS = "The same question, other arms and seeds";
const OTHER_RUNS = "The same prompt, other runs and steps";
const SIGNS = { right: "\u2713 ", wrong: "\u2717 " };

function verdictMark(row) {
  return element("span", { class: row.verdict.replace(" ", "-") }, (SIGNS[row.verdict] ?? "") + row.verdict);
}

/** The question with its image; `read` is the option that the study's scorer reads in the response. */
function questionPart(question, read) {
  const { image, width, height, id } = question;
  const none = element("span", { class: "none" }, "no image");
  const picture = image ? element("img", { src: image, width, height, alt: `Image of question ${id}` }) : none;
  const choices = question.choices.map((choice, i) =>
    element(
      "li",
      { class: i === question.answer ? "key-ok" : null },
      question.choices.length > 1 ? `(${LETTERS[i] ?? i + 1}) ` : "",
      element("bdi", {}, choice),
      i === question.answer ? "\u00a0\u2713" : null,
      i === read ? element("small", {}, " read in the response") : null,
    ),
  );
  const text = question.text || "The question is not in the training table.";
  const asked = element("p", { dir: "auto" }, text);
  return element(
    "div",
    { class: "q" },
    picture,
    element("div", {}, asked, element("ol", { class: "opts" }, ...choices)),
  );
}

/** The text with its think and answer tags and its cues of self-reflection marked. */
function textPart(row) {
  const marks = [...row.text.matchAll(TAGS)].map((tag) => [tag.index, tag.index + tag[0].length, null]);
  marks.push(...row.cues);
  marks.sort((one, other) => one[0] - other[0]);
  const pieces = [];
  let at = 0;
  for (const [start, end, cue] of marks) {
    if (start < at) continue;
    const piece = row.text.slice(start, end);
    const made = cue ? element("mark", { title: `cue: ${cue}` }, piece) : element("i", {}, piece);
    pieces.push(row.text.slice(at, start), made);
    at = end;
  }
  pieces.push(row.text.slice(at));
  if (!row.text) pieces.push(element("span", { class: "none" }, "(empty)"));
  return element("pre", { dir: "auto", tabindex: 0 }, ...pieces);
}

/** What each scorer reads, or what each reward term gives. */
function valuesPart(set, row, question) {
  const rollouts = set.kind === "rollouts";
  const facts = set.columns.map((name, i) => {
    const value = row.values[i] ?? null;
    if (rollouts) return [name, value === null ? "\u2013" : short(value)];
    if (value === null) return [name, "reads none"];
    if (question.choices.length === 1) return [name, value === question.answer ? "right \u2713" : "another answer"];
    return [name, `(${LETTERS[value] ?? value + 1})${value === question.answer ? " \u2713" : ""}`];
  });
  if (rollouts) facts.push(["advantage", row.advantage === null ? "\u2013" : signed(row.advantage)]);
  if (row.tokens != null) facts.push(["tokens", String(row.tokens)]);
  const shown = rollouts || row.values.length ? facts : facts.slice(set.columns.length);
  const pair = ([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value));
  return element("dl", { class: "values" }, ...shown.map(pair));
}

/** Seed, step if it is of one, and of a rollout its place in its group. */
function whichRun(row) {
  const parts = { seed: row.seed || undefined, step: row.step, rollout: row.place };
  return Object.keys(parts)
    .filter((name) => parts[name] !== undefined)
    .map((name) => `${name} ${parts[name]}`);
}

function rowTitle(row, arms) {
  return [arms[row.arm].title, ...whichRun(row)].join(", ");
}

/** Others of the same question in small, each with a link to it. */
function kinPart(heading, rows, name, arms, link) {
  if (!rows.length) return null;
  const cards = rows.map((row) => {
    const title = element("a", { href: link(row), "data-row": true }, name(row, arms));
    const head = element("header", {}, title, verdictMark(row));
    return element("div", { class: `say c${arms[row.arm].color}` }, head, textPart(row));
  });
  return element("section", {}, element("h4", {}, heading), element("div", { class: "says" }, ...cards));
}

/** Everything about one row, from its title down to its kin. */
function detailParts(set, row, arms, choice, address) {
  const question = set.questions[row.question];
  const rollouts = set.kind === "rollouts";
  const kin = set.byQuestion.get(row.question).filter((one) => one !== row && choice.shows(one.arm));
  const group = kin.filter((one) => rollouts && one.arm === row.arm && one.seed === row.seed && one.step === row.step);
  const beside = rollouts ? (one) => one.place === row.place : (one) => one.step === row.step;
  const others = kin.filter((one) => !group.includes(one) && beside(one));
  return [
    element("header", {}, element("h3", {}, rowTitle(row, arms)), verdictMark(row)),
    element("p", { class: "cap" }, [question.task, question.id].filter(Boolean).join(" \u00b7 ")),
    questionPart(question, row.read ?? null),
    textPart(row),
    valuesPart(set, row, question),
    kinPart("The others of its group", group, (one) => `Rollout ${one.place}`, arms, address),
    kinPart(rollouts ? OTHER_RUNS : OTHER_ARMS, others, rowTitle, arms, address),
  ].filter(Boolean);
}
