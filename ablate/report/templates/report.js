"use strict";
// Sorts tables, filters their rows, fades the marks of hidden rows in the figures, and reads a page that is still being
// rewritten again. The page is whole without it.
(() => {
  const number = (text) => {
    const plain = text.replaceAll("−", "-").replace(/(\d),(?=\d{3}\b)/g, "$1");
    const found = plain.match(/[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?/i);
    return found ? Number(found[0]) : NaN;
  };
  const compare = (column, isNumber) => (one, other) => {
    const [a, b] = [one, other].map((row) => row.cells[column].textContent.trim());
    if (!isNumber) return a.localeCompare(b, undefined, { numeric: true });
    const [x, y] = [number(a), number(b)];
    return Number.isNaN(x) || Number.isNaN(y) ? Number.isNaN(x) - Number.isNaN(y) : x - y;
  };
  const element = (name, attributes, ...children) => {
    const made = Object.assign(document.createElement(name), attributes);
    made.append(...children);
    return made;
  };
  const makeSortable = (table) => {
    const heads = [...table.tHead.rows[0].cells];
    const original = [...table.tBodies].map((body) => [...body.rows]);
    heads.forEach((head, column) => {
      const button = element("button", { type: "button", title: "Sort by this column" }, ...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const before = head.getAttribute("aria-sort");
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        const order = { ascending: "descending", descending: null }[before];
        const next = order === undefined ? "ascending" : order;
        if (next) head.setAttribute("aria-sort", next);
        const way = compare(column, head.classList.contains("n"));
        [...table.tBodies].forEach((body, index) => {
          const rows = [...original[index]];
          if (next) rows.sort(next === "ascending" ? way : (one, other) => way(other, one));
          body.append(...rows);
        });
      });
    });
  };
  const makeFilter = (table, tools) => {
    const rows = [...table.tBodies].flatMap((body) => [...body.rows]);
    const search = tools.querySelector("input[type=search]");
    const count = tools.querySelector("output");
    const boxes = [];
    const apply = () => {
      const wanted = search ? search.value.trim().toLowerCase() : "";
      let shown = 0;
      rows.forEach((row) => {
        const isOff = boxes.some((box) => !box.checked && row.cells[box.column].textContent.trim() === box.word);
        row.hidden = isOff || !row.textContent.toLowerCase().includes(wanted);
        shown += !row.hidden;
        if (row.dataset.key) {
          const marks = document.querySelectorAll(`svg [data-key="${CSS.escape(row.dataset.key)}"]`);
          marks.forEach((mark) => mark.classList.toggle("off", row.hidden));
        }
      });
      count.textContent = shown === rows.length ? "" : `${shown} of ${rows.length} rows`;
    };
    (tools.dataset.filters || "").split(" ").filter(Boolean).map(Number).forEach((column) => {
      const words = [...new Set(rows.map((row) => row.cells[column].textContent.trim()))];
      if (words.length < 2 || words.length > 12) return;
      const title = table.tHead.rows[0].cells[column].textContent.trim();
      const set = element("fieldset", {}, element("legend", {}, title));
      words.forEach((word) => {
        const box = Object.assign(element("input", { type: "checkbox", checked: true }), { column, word });
        boxes.push(box);
        set.append(element("label", {}, box, ` ${word}`));
      });
      tools.prepend(set);
    });
    tools.addEventListener("input", apply);
    // What fades marks stands above the figure that they are in.
    if (tools.dataset.figure) document.querySelector(`#${tools.dataset.figure} .picture`)?.before(tools);
    tools.hidden = false;
  };
  // While the study runs the page is rewritten. It is read again, unless someone is writing into it or has unticked it.
  const makeReloading = (note) => {
    const box = note.querySelector("input");
    const remembered = `ablate: ${location.pathname}`;
    const store = (() => {
      try {
        return window.sessionStorage;
      } catch {
        return null; // not every browser keeps anything for files
      }
    })();
    box.checked = store?.getItem(remembered) !== "off";
    box.addEventListener("change", () => store?.setItem(remembered, box.checked ? "on" : "off"));
    note.hidden = false;
    setInterval(() => {
      const isBusy = document.activeElement?.type === "search" || !getSelection().isCollapsed;
      if (box.checked && !isBusy) location.reload();
    }, 1000 * Number(note.dataset.reload));
  };
  // Not every browser unfolds what a link leads into.
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    let folded = link && document.getElementById(link.hash.slice(1))?.closest("details");
    for (; folded; folded = folded.parentElement.closest("details")) folded.open = true;
  });
  document.querySelectorAll("[data-reload]").forEach(makeReloading);
  document.querySelectorAll("table").forEach((table) => {
    const tools = table.closest(".tabled")?.querySelector(".tools");
    if (tools) makeFilter(table, tools); // before the heads become buttons
    makeSortable(table);
  });
})();
