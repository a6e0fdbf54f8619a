'use strict';
/* People: which number is free for a new one, and which pictures show whom. Nothing in this file touches the page. */

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Names in a sentence: `face 1, face 2 and face 3`; only how many, if there are more. word: for several of them. */
function listNames(names, word) {
  if (names.length > 3) return `${names.length} ${word}`;
  return names.length > 1 ? `${names.slice(0, -1).join(', ')} and ${names.at(-1)}` : names[0];
}

/** The smallest number above all that people have or had, or faces if people are not told apart.
    people: names by number as they were found; none if people are not told apart. */
function newNumber(periods, people) {
  const found = Object.keys(people).length ? Object.keys(people).map(Number) : periods.map((period) => period.found);
  return [...found, ...periods.map((period) => period.face)].reduce((one, other) => Math.max(one, other)) + 1;
}

function unpackPictures(rows) {
  return rows.map(([found, frame, jpeg]) => ({ found, frame, source: `data:image/jpeg;base64,${jpeg}` }));
}

/** Which pictures belong to each number now: a picture goes with the period that its frame is in.
    Returns for each number a list, those of the faces seen longest first: the picture, with the first frame of its face
    as this number, and the count of its frames. */
function sortPictures(periods, pictures) {
  const ofFound = new Map();
  for (const picture of pictures) {
    if (!ofFound.has(picture.found)) ofFound.set(picture.found, []);
    ofFound.get(picture.found).push(picture);
  }
  const sorted = new Map();
  const appearances = new Map();
  for (const { found, face, start, end } of periods) {
    const key = `${face} ${found}`;
    if (!appearances.has(key)) appearances.set(key, { first: start, frames: 0 });
    const appearance = appearances.get(key);
    appearance.frames += end - start + 1;
    if (!sorted.has(face)) sorted.set(face, []);
    for (const picture of ofFound.get(found) ?? []) {
      if (start <= picture.frame && picture.frame <= end) sorted.get(face).push({ ...picture, appearance });
    }
  }
  for (const ofNumber of sorted.values()) ofNumber.sort((a, b) => b.appearance.frames - a.appearance.frames);
  return sorted;
}
