// The browser of single responses: the list of what passes the filters, and one of them in full. Its state is the
// page's address, so that a link or a reload leads back to the same row under the same filters.

const AT_ONCE = 100; // rows by which the list grows

function browse(place, sets, arms, choice) {
  const fields = place.querySelector("form").elements;
  const browser = place.querySelector(".browser");
  const list = place.querySelector(".list");
  const detail = place.querySelector(".detail");
  const full = place.querySelector(".full");
  const slider = place.querySelector(".sampled");
  const updateSlider = stepSlider(slider, go);
  let set = null;
  let found = [];
  let chosen = null;

  for (const one of sets) {
    one.byQuestion = Map.groupBy(one.rows, (row) => row.question);
    one.byKey = new Map(one.rows.map((row) => [rowKey(one, row), row]));
  }

  function openSet(name) {
    set = sets.find((one) => one.name === name) ?? sets[0];
    offer(fields, set, arms);
  }

  function address(row) {
    const state = new URLSearchParams();
    writeFilters(fields, state);
    choice.write(state);
    if (row) state.set("at", rowKey(set, row));
    return ADDRESS + state;
  }

  /** Lists what passes, and shows the wanted row, or the one that was shown, or the first. */
  function filter(wanted = null) {
    found = passing(set, fields, choice);
    const questions = new Set(found.map((row) => row.question)).size;
    const what = set.kind === "rollouts" ? "rollouts of" : "responses to";
    place.querySelector(".count").textContent =
      `${found.length} ${what} ${questions} question${questions === 1 ? "" : "s"}`;
    list.replaceChildren();
    list.scrollTop = 0;
    grow();
    show(wanted ?? (found.includes(chosen) ? chosen : (found[0] ?? null)));
  }

  /** More of the list: at least so many rows. */
  function grow(least = list.children.length + 1) {
    const end = Math.ceil(least / AT_ONCE) * AT_ONCE;
    const more = found.slice(list.children.length, end);
    list.append(...more.map((row) => element("li", {}, listLink(set, row, arms, address(row)))));
  }

  function show(row) {
    chosen = row;
    list.querySelector("[aria-current]")?.removeAttribute("aria-current");
    const link = listed(row);
    if (link) {
      link.setAttribute("aria-current", "true");
      const least = link.offsetTop + link.offsetHeight - list.clientHeight;
      list.scrollTop = Math.min(Math.max(list.scrollTop, least), link.offsetTop);
    }
    const nothing = element("p", { class: "none" }, "Nothing passes these filters.");
    full.replaceChildren(...(row ? detailParts(set, row, arms, choice, address) : [nothing]));
    reachable(full.querySelectorAll("pre"));
    if (row) updateSlider(set, row);
    slider.hidden ||= !row;
  }

  /** The link of a row in the list, which grows down to it. */
  function listed(row) {
    const at = found.indexOf(row);
    if (at < 0) return null;
    grow(at + 1);
    return list.children[at].firstChild;
  }

  /** Shows a row and remembers it in the address; the keyboard's focus stays in the browser. */
  function go(row) {
    const inList = list.contains(document.activeElement);
    show(row);
    remember();
    const next = inList ? listed(row) : slider.contains(document.activeElement) ? null : detail;
    next?.focus({ preventScroll: true });
  }

  function remember() {
    history.replaceState(null, "", address(chosen));
  }

  /** Takes filters and row from the address, if it is one of the browser's. */
  function restore() {
    const state = addressState();
    openSet(state.get("set"));
    readFilters(fields, state);
    filter(set.byKey.get(state.get("at")));
    if (!state.size) return;
    place.scrollIntoView();
    detail.focus({ preventScroll: true });
  }

  place.querySelector("form").addEventListener("input", (event) => {
    if (event.target === fields.set) openSet(fields.set.value);
    filter();
    remember();
  });
  place.querySelector("form").addEventListener("reset", (event) => {
    event.preventDefault();
    readFilters(fields, new URLSearchParams());
    filter();
    remember();
  });
  list.addEventListener("scroll", () => {
    if (list.scrollTop + 2 * list.clientHeight > list.scrollHeight) grow();
  });
  browser.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-row]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go(set.byKey.get(new URLSearchParams(link.hash.slice(ADDRESS.length)).get("at")));
    detail.scrollIntoView({ block: "nearest" });
  });
  browser.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !["j", "k"].includes(event.key)) return;
    const row = found[found.indexOf(chosen) + (event.key === "j" ? 1 : -1)];
    if (row) go(row);
  });
  window.addEventListener("hashchange", () => {
    if (!addressState().size) return;
    set = null;
    choice.open(addressState());
  });
  choice.onChange(() => {
    if (!set) return restore();
    filter();
    if (addressState().size) remember();
  });
}

/** Names a row in an address: arm, seed, step and place of a rollout or step of a checkpoint, question. */
function rowKey(set, row) {
  const when = [row.step, row.place].filter((part) => part !== undefined);
  return [row.arm, row.seed, ...when, set.questions[row.question].id].join("/");
}

function listLink(set, row, arms, href) {
  const title = element("b", {}, arms[row.arm].title);
  const about = element("small", {}, [set.questions[row.question].id, ...whichRun(row)].join(" \u00b7 "));
  const begins = element("small", { dir: "auto" }, row.text.trim().slice(0, 90) || "(empty)");
  const attributes = { href, class: `c${arms[row.arm].color}`, "data-row": true };
  return element("a", attributes, title, verdictMark(row), about, begins);
}
