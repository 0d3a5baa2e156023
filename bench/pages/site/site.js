"use strict";
// Sorting, filtering and picking. Everything can be read without it; texts of records only ever become text nodes.
(() => {
  const element = (tag, names, text) => {
    const made = document.createElement(tag);
    if (names) made.className = names;
    if (text !== undefined) made.textContent = text;
    return made;
  };

  // --- tables that can be sorted ---------------------------------------------------------------------------------
  const cellText = (row, column) => row.cells[column].textContent.trim();
  const number = (row, column) => {
    const exact = row.cells[column].dataset.v;
    return exact === undefined || exact === "" ? NaN : Number(exact);
  };
  const compare = (kind, column, sign) => (one, other) => {
    if (kind === "text") return sign * cellText(one, column).localeCompare(cellText(other, column), undefined, { numeric: true });
    const [a, b] = [number(one, column), number(other, column)];
    // What has no number stands last, whichever way is asked.
    if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
    return sign * (a - b);
  };
  const sort = (table, column) => {
    const header = table.tHead.rows[0].cells[column];
    const sign = header.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    for (const cell of table.tHead.rows[0].cells) cell.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    const body = table.tBodies[0];
    body.append(...[...body.rows].sort(compare(header.dataset.sort, column, sign)));
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    for (const header of table.querySelectorAll("th[data-sort]")) {
      const button = element("button");
      button.type = "button";
      button.append(...header.childNodes);
      header.append(button);
      button.addEventListener("click", () => sort(table, header.cellIndex));
    }
  }

  // --- a table that can be filtered ------------------------------------------------------------------------------
  const filters = document.getElementById("filters");
  if (filters) {
    const rows = [...document.getElementById(filters.dataset.for).tBodies[0].rows];
    const texts = rows.map((row) => row.textContent.toLowerCase());
    const words = document.getElementById("words");
    const state = document.getElementById("state");
    const count = filters.querySelector("[role=status]");
    const apply = () => {
      const wanted = (words.value.toLowerCase().match(/"[^"]*"|[^\s"]+/g) || []).map((word) => word.replaceAll('"', ""));
      let shown = 0;
      rows.forEach((row, place) => {
        const fits = wanted.every((word) => texts[place].includes(word)) && (!state.value || row.className === state.value);
        row.hidden = !fits;
        shown += fits;
      });
      count.textContent = filters.dataset.text.replace("{}", shown).replace("{total}", rows.length);
    };
    words.addEventListener("input", apply);
    state.addEventListener("change", apply);
    filters.hidden = false;
    apply();
  }

  // --- the comparison: any system as the baseline ----------------------------------------------------------------
  const picks = document.getElementById("picks");
  if (picks) {
    const data = JSON.parse(document.getElementById("data").textContent);
    const baseline = document.getElementById("baseline");
    const table = document.getElementById("compared");
    const count = document.getElementById("count");
    const text = (place) => data.texts[place];
    const picked = (name) =>
      new Set([...picks.querySelectorAll(`[data-pick=${name}] input:checked`)].map((box) => box.value));

    // What stands between backticks is code.
    const said = (content) => {
      const made = small("");
      content.split("`").forEach((part, place) => made.append(place % 2 ? element("code", "", part) : part));
      return made;
    };
    const badge = (system) => element("span", `sys tint-${system.tint}`, system.place);
    const small = (content) => element("small", "", content);
    const figure = (system, [value, note, state, word, , anchor], place) => {
      const cell = element("td", `side ${text(state)}`);
      if (place) cell.dataset.v = system.place;
      const link = element("a", "", system.name);
      link.href = text(anchor);
      cell.append(badge(system), " ", link, element("br"));
      if (text(word)) cell.append(element("span", `badge ${text(state)}`, text(word)), " ");
      cell.append(element("span", "number value", text(value)), small(text(note)));
      return cell;
    };
    const rowOf = (first, [place, one, other, outcome, change, exact, reason]) => {
      const [side, beside] = [data.sides[one], data.sides[other]];
      const row = element("tr");
      const what = element("th", "what", text(side[6]));
      what.scope = "row";
      what.append(small(`${text(side[8])}, ${text(side[9])}`), small(text(side[4])));
      const changed = element("td");
      changed.dataset.v = exact === null ? "" : exact;
      changed.append(element("span", "change", text(change)));
      const verdict = element("td");
      const [code, word] = data.outcomes[outcome];
      verdict.append(element("strong", `outcome ${code}`, word), said(text(reason)));
      row.append(what, figure(first, side), figure(data.systems[place - 1], beside, true), changed, verdict);
      return row;
    };
    const show = () => {
      const [systems, workloads, scenarios, outcomes] = ["system", "workload", "scenario", "outcome"].map(picked);
      const own = Number(baseline.value);
      const rows = data.rows[own].filter(([place, one, , outcome]) =>
        systems.has(String(place)) && workloads.has(text(data.sides[one][6])) &&
        scenarios.has(text(data.sides[one][7])) && outcomes.has(data.outcomes[outcome][0]));
      table.tBodies[0].replaceChildren(...rows.map((row) => rowOf(data.systems[own], row)));
      for (const cell of table.tHead.rows[0].cells) cell.removeAttribute("aria-sort");
      count.textContent = count.dataset.text.replace("{}", rows.length);
    };
    for (const set of picks.querySelectorAll("fieldset")) {
      for (const [name, value] of [["all", true], ["none", false]]) {
        const button = element("button", "", picks.dataset[name]);
        button.type = "button";
        button.addEventListener("click", () => {
          for (const box of set.querySelectorAll("input")) box.checked = value;
          show();
        });
        set.append(button);
      }
    }
    picks.addEventListener("change", show);
    picks.hidden = false;
    for (const note of document.querySelectorAll(".without-script")) note.hidden = true;
  }
})();
