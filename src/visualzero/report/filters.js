// Filters of the browser: the form's options, which rows pass, and the form's state as part of an address.

const ADDRESS = "#explore?";
const FILTERS = ["set", "arm", "seed", "task", "verdict", "against", "find", "cue", "differ"];
const VERDICTS = ["right", "wrong", "no answer", "not scored"];

/** Fills the form with what the set has, everything let through. */
function offer(fields, set, arms) {
  const all = (values) => options([["", "all"], ...new Set(values)]);
  const mine = new Set(set.rows.map((row) => row.arm));
  const titled = Object.keys(arms)
    .filter((arm) => mine.has(arm))
    .map((arm) => [arm, arms[arm].title]);
  const verdicts = new Set(set.rows.map((row) => row.verdict));
  fields.set.value = set.name;
  fields.arm.replaceChildren(...all(titled));
  fields.against.replaceChildren(...options([["", "\u2013"], ...titled]));
  fields.seed.replaceChildren(...all(set.rows.map((row) => row.seed).filter(Boolean)));
  fields.task.replaceChildren(...all(set.questions.map((question) => question.task).filter(Boolean)));
  fields.verdict.replaceChildren(...all(VERDICTS.filter((verdict) => verdicts.has(verdict))));
  if (set.kind === "rollouts") fields.differ.checked = false;
  for (const name of ["against", "differ"]) fields[name].closest("label").hidden = set.kind === "rollouts";
}

/** The rows of a set that pass the form's filters and whose arm is shown. An untrained arm passes whatever the seed. */
function passing(set, fields, choice) {
  const [arm, seed, task, verdict, against] = ["arm", "seed", "task", "verdict", "against"].map(
    (name) => fields[name].value,
  );
  const wanted = fields.find.value.toLowerCase();
  const has = (text) => text.toLowerCase().includes(wanted);
  return set.rows.filter((row) => {
    const question = set.questions[row.question];
    return (
      choice.shows(row.arm) &&
      (!arm || row.arm === arm) &&
      (!seed || !row.seed || row.seed === seed) &&
      (!task || question.task === task) &&
      (!verdict || row.verdict === verdict) &&
      (!fields.cue.checked || row.cues.length > 0) &&
      (!fields.differ.checked || new Set(row.values).size > 1) &&
      (!against || flips(set, row, against)) &&
      (!wanted || has(question.id) || has(question.text) || has(row.text))
    );
  });
}

/** Whether another arm, at the same step and seed where it has these, is right where this one is not, or the reverse. */
function flips(set, row, against) {
  const theirs = set.byQuestion.get(row.question).filter((one) => one.arm === against);
  const other = theirs.find((one) => one.seed === row.seed && one.step === row.step) ?? theirs[0];
  return other !== undefined && (other.verdict === "right") !== (row.verdict === "right");
}

/** What the page's address says, nothing if it isn't one of the browser's. */
function addressState() {
  return new URLSearchParams(location.hash.startsWith(ADDRESS) ? location.hash.slice(ADDRESS.length) : "");
}

function writeFilters(fields, state) {
  for (const name of FILTERS) {
    const value = fields[name].type === "checkbox" ? (fields[name].checked ? "1" : "") : fields[name].value;
    if (value) state.set(name, value);
  }
}

/** Takes the filters from an address; what it names and the set doesn't have lets everything through. */
function readFilters(fields, state) {
  for (const name of FILTERS.slice(1)) {
    const field = fields[name];
    if (field.type === "checkbox") field.checked = state.has(name);
    else field.value = state.get(name) ?? "";
    if (field.selectedIndex === -1) field.value = "";
  }
}
