// Shows the entries that hold all words typed. Without scripts the list is whole and the form hidden.
const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
const entries = [...document.querySelectorAll(".blocks li")].map((element) => ({
  element,
  text: plain(element.textContent),
}));
const sections = [...document.querySelectorAll("main > section")];
const form = document.getElementById("search");
const words = document.getElementById("words");
const found = document.getElementById("found");
const search = () => {
  const wanted = plain(words.value).split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const { element, text } of entries) {
    element.hidden = !wanted.every((word) => text.includes(word));
    shown += element.hidden ? 0 : 1;
  }
  for (const section of sections) {
    const year = document.querySelector(`.years a[href="#${section.id}"]`).parentElement;
    section.hidden = year.hidden = !section.querySelector("li:not([hidden])");
  }
  found.textContent = wanted.length === 0 ? "" : `${shown} of ${entries.length}`;
};
words.addEventListener("input", search);
form.addEventListener("submit", (event) => event.preventDefault());
form.hidden = false;
search(); // a browser may have kept what was typed before
