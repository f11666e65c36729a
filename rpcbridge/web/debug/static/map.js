// A large drawing is scrolled to its start: it stands halfway down. Nothing else here, and nothing is lost without it.
(() => {
  const box = document.querySelector(".map"), start = document.getElementById("start");
  if (!box || !start) return;
  const there = start.getBoundingClientRect(), seen = box.getBoundingClientRect();
  if (there.bottom > seen.bottom) box.scrollTop += there.top - seen.top - seen.height / 3;
})();
