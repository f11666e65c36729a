// Buttons that copy a text of the page: <button class="copy" data-copies="its id">. Without a clipboard the text is selected.
"use strict";
document.documentElement.classList.add("copies");

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button.copy");
  const source = button && document.getElementById(button.dataset.copies);
  if (!source) return;
  const label = button.dataset.label ??= button.textContent;
  try {
    await navigator.clipboard.writeText(source.textContent);
    button.textContent = "Copied";
  } catch {
    source.closest("details")?.setAttribute("open", "");
    getSelection().selectAllChildren(source);
    source.focus();
    button.textContent = "Selected";
  }
  setTimeout(() => { button.textContent = label; }, 2000);
});
