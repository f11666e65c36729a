// Buttons that copy a text of the page: <button class="copy" data-copies="its id"><span>Copy</span> …. Without a clipboard the text is selected.
"use strict";
document.documentElement.classList.add("copies");

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button.copy");
  const source = button && document.getElementById(button.dataset.copies);
  if (!source) return;
  const word = button.firstElementChild, before = word.dataset.before ??= word.textContent;
  try {
    await navigator.clipboard.writeText(source.textContent);
    word.textContent = "Copied";
  } catch {
    source.closest("details")?.setAttribute("open", "");
    getSelection().selectAllChildren(source);
    source.focus();
    word.textContent = "Selected";
  }
  setTimeout(() => { word.textContent = before; }, 2000);
});
