// Which arms are shown, and relative to which: one choice for every chart and table of the page.

/** The choice that the bar at the top of the window makes: `shows(arm)`, `reference`, and `onChange(listener)`.
 *
 * `open(state)` takes it from an address, which is how it begins, and `write(state)` gives it to one.
 */
function armChoice(bar, arms) {
  const boxes = [...bar.querySelectorAll("input")];
  const select = bar.querySelector(".reference");
  const marked = [...document.querySelectorAll("[data-arm]")];
  const listeners = [];
  const choice = {
    reference: null,
    hidden: new Set(),
    shows: (arm) => !choice.hidden.has(arm),
    onChange: (listener) => listeners.push(listener),
  };

  function changed() {
    choice.hidden = new Set(boxes.filter((box) => !box.checked).map((box) => box.value));
    choice.reference = select.value || null;
    for (const part of marked) part.hidden = choice.hidden.has(part.dataset.arm);
    const shown = `${boxes.length - choice.hidden.size} of ${boxes.length} shown`;
    const relative = choice.reference ? `, relative to ${arms[choice.reference].title}` : "";
    bar.querySelector(".now").textContent = shown + relative;
    for (const listener of listeners) listener();
  }

  function setAll(checked) {
    for (const box of boxes) box.checked = checked;
    changed();
  }

  bar.addEventListener("change", changed);
  bar.querySelector(".all").addEventListener("click", () => setAll(true));
  bar.querySelector(".none-of").addEventListener("click", () => setAll(false));
  bar.addEventListener("toggle", () => {
    const below = bar.querySelector(".choice").getBoundingClientRect().bottom > window.innerHeight;
    if (bar.open && below) bar.scrollIntoView();
  });
  bar.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    bar.open = false;
    bar.querySelector("summary").focus();
  });
  document.addEventListener("click", (event) => {
    if (!bar.contains(event.target)) bar.open = false;
  });
  choice.open = (state) => {
    const without = (state.get("without") ?? "").split(" ");
    for (const box of boxes) box.checked = !without.includes(box.value);
    select.value = state.get("relative") ?? "";
    changed();
  };
  choice.write = (state) => {
    if (choice.hidden.size) state.set("without", [...choice.hidden].join(" "));
    if (choice.reference) state.set("relative", choice.reference);
  };
  return choice;
}
