"use strict";
const words = document.getElementById("words"), count = document.getElementById("count"), all = count.textContent;
const datasets = [...document.querySelectorAll("article")].map(node => [node, node.textContent.toLowerCase()]);
document.getElementById("search").hidden = false;
document.getElementById("search").addEventListener("submit", event => event.preventDefault());
words.addEventListener("input", () => {
  const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
  let found = 0;
  for (const [node, text] of datasets) {
    node.hidden = !wanted.every(word => text.includes(word));
    found += !node.hidden;
  }
  count.textContent = wanted.length ? `${found} of ${datasets.length} found.` : all;
});
