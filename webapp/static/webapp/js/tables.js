// Small tables made of text only.

export function cells(row, tag, values, numeric = true) {
  values.forEach((value, index) => {
    const cell = document.createElement(tag);
    if (numeric && index > 0) cell.className = "n";
    if (tag === "th") cell.scope = "col";
    if (value instanceof Node) cell.append(value);
    else cell.textContent = value;
    row.append(cell);
  });
  return row;
}

/** A table with a caption; the first column is text, all others numbers. */
export function table(head, rows, caption) {
  const element = document.createElement("table");
  element.createCaption().textContent = caption;
  cells(element.createTHead().insertRow(), "th", head);
  const body = element.createTBody();
  for (const row of rows) cells(body.insertRow(), "td", row);
  return element;
}
