'use strict';
/* People: which number is free for a new one, and which pictures show whom. Nothing in this file touches the page. */

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The smallest number above all that people have or had, or faces if people are not told apart.
    found, periods: the periods as they were found and as they are now; people: names by number, if they are told apart. */
function newNumber(found, periods, people) {
  let highest = Math.max(0, ...Object.keys(people).map(Number));
  const hasPeople = Object.keys(people).length > 0;
  for (const period of [...found, ...periods]) highest = Math.max(highest, period.face, hasPeople ? 0 : period.found);
  return highest + 1;
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
