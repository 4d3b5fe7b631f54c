"use strict";

// Empty cells come last in either direction.
function compare(a, b, isText, direction) {
  if (a === "" || b === "") return (a === "") - (b === "");
  return direction * (isText ? a.localeCompare(b, undefined, { numeric: true }) : a - b);
}

function sort(table, heading) {
  const before = heading.getAttribute("aria-sort");
  const ascending = before ? before === "descending" : heading.dataset.first !== "descending";
  const isText = "text" in heading.dataset;
  const value = row => row.cells[heading.dataset.column].dataset.value;
  const rows = [...table.tBodies[0].rows];
  rows.sort((first, second) => compare(value(first), value(second), isText, ascending ? 1 : -1));
  table.tBodies[0].append(...rows);
  for (const other of table.querySelectorAll("th[aria-sort]")) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
}

for (const table of document.querySelectorAll("table.sortable")) {
  for (const heading of table.querySelectorAll("th[data-column]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    button.addEventListener("click", () => sort(table, heading));
    heading.append(button);
  }
}
for (const hint of document.querySelectorAll(".needs-script")) hint.hidden = false;

// A link from the table or the plot opens the entry's clips.
function open() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) {
    target.open = true;
    target.scrollIntoView();
  }
}
window.addEventListener("hashchange", open);
open();
