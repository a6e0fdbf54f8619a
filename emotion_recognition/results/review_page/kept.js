'use strict';
/* What a browser keeps of the corrections of a run: how it is written, read and checked, and what of it fits another run
   of the video. Nothing in this file touches the page. */

/** The stretches of frames of periods that are alike, as [key, first frame, last frame, first frame, ...]. However periods
    are split, these stay the same. keyOf(period): what makes periods alike. */
function stretchesBy(periods, keyOf) {
  const stretches = new Map();
  for (const period of inOrder([...periods])) {
    const key = keyOf(period);
    if (!stretches.has(key)) stretches.set(key, [key]);
    const ends = stretches.get(key);
    if (ends.at(-1) === period.start - 1) ends[ends.length - 1] = period.end;
    else ends.push(period.start, period.end);
  }
  return stretches;
}

/** In which frames each face was found, as a text for each face. No correction changes it. */
function framesOfFound(periods) {
  return new Map([...stretchesBy(periods, (period) => `found ${period.found}`)].map(([key, ends]) => [key, String(ends)]));
}

/** The numbers of all faces in all frames, as one text. */
function numbersOf(periods) {
  return [...stretchesBy(periods, ({ found, face }) => `found ${found} is ${face}`).values()].join(' ');
}

/** Whether periods are those that were found, however corrected. */
function arePeriodsOf(periods, found) {
  const [one, other] = [framesOfFound(periods), framesOfFound(found)];
  return one.size === other.size && [...one].every(([key, frames]) => other.get(key) === frames);
}

/** about: the names of the emotions (classes), the word for a person or face (word), the name of the run (runName), and
    the numbers as they were found, see numbersOf (numbers). */
function packKept(periods, about) {
  return JSON.stringify({ periods: packPeriods(periods), ...about });
}

/** Returns the periods and what they are about, see packKept; null if the text is something else. Earlier pages kept the
    periods alone, for the classes of today. */
function unpackKept(text, classNames) {
  const isNumber = (value) => Number.isSafeInteger(value) && value >= 0;
  const isPeriod = ({ found, face, emotion, start, end, confidence, byPerson, use, note }, classes) => (
    [found, face, start, end].every(isNumber) && start <= end && emotion in classes && isNumber(emotion)
    && Number.isFinite(confidence) && [0, 1].includes(byPerson) && [0, 1].includes(use) && typeof note === 'string');
  try {
    const kept = JSON.parse(text);
    const { periods, classes = classNames, word = '', runName = '', numbers = '' } = Array.isArray(kept) ? { periods: kept } : kept;
    const isAbout = [...classes, word, runName, numbers].every((value) => typeof value === 'string');
    const unpacked = unpackPeriods(periods);
    return isAbout && unpacked.every((period) => isPeriod(period, classes))
      ? { periods: unpacked, classes, word, runName, numbers } : null;
  } catch {
    return null;
  }
}

/** Change what was found as a face from one frame to another. */
function changeFound(periods, found, start, end, changes) {
  return periods.flatMap((period) => {
    if (period.found !== found || period.end < start || end < period.start) return [period];
    return [
      { ...period, end: start - 1 },
      { ...period, start: Math.max(start, period.start), end: Math.min(end, period.end), ...changes },
      { ...period, start: end + 1 },
    ].filter((part) => part.start <= part.end);
  });
}

/** Take corrections of another run over to the periods that this run found. Those of a face fit if it was found in the
    same frames; who is who fits if all numbers are the same.
    Returns the periods, how many corrections were taken over, how many were not, and whether who is who fits. */
function takeOver(kept, found, classNames) {
  const [before, now] = [framesOfFound(kept.periods), framesOfFound(found)];
  const hasNumbers = kept.numbers === numbersOf(found);
  const numberOf = ({ found: number, start }) => (
    found.find((period) => period.found === number && period.start <= start && start <= period.end).face);
  let [periods, taken, left] = [found, 0, 0];
  for (const period of kept.periods) {
    const fits = before.get(`found ${period.found}`) === now.get(`found ${period.found}`);
    const emotion = classNames.indexOf(kept.classes[period.emotion]);
    const changes = {
      ...(period.byPerson ? { emotion, byPerson: 1 } : {}),
      ...(period.use ? {} : { use: 0 }),
      ...(period.note ? { note: period.note } : {}),
      ...(fits && hasNumbers && numberOf(period) !== period.face ? { face: period.face } : {}),
    };
    if (Object.keys(changes).length === 0) continue;
    if (fits && (emotion >= 0 || !period.byPerson)) {
      periods = changeFound(periods, period.found, period.start, period.end, changes);
      taken += 1;
    } else left += 1;
  }
  return { periods: inOrder([...periods]), taken, left, hasNumbers };
}
