'use strict';
/* The corrections: emotion, use and note of a period or a selection, splitting a period, who is who; and the download of
   the corrected table. */

/** Say so if the face is not seen between these frames. */
function isSeen(start, end) {
  if (periodsOf(face).some((period) => period.start <= end && start <= period.end)) return true;
  update();
  say(`${capital(who(face))} is not seen from ${formatFrames(start, end)}.`, true);
  return false;
}

/** Change the selected frames of the face, or its period at the cursor if nothing is selected.
    what: the change in words; step: see Store. */
function correct(changes, what, step = null) {
  const [selected, current] = [selectedFrames(), periodAt(player.frame)];
  if (face === null || (!selected && !current)) return;
  const [start, end] = selected ?? [current.start, current.end];
  if (!isSeen(start, end)) return;
  const corrected = { ...current, ...changes };
  const changed = selected
    ? changePeriods(store.periods, face, start, end, changes)
    : store.periods.map((period) => (period === current ? corrected : period));
  const twice = changes.use ? firstOverlap(changed, [face]) : null;
  if (twice) {
    update();
    say(`${capital(who(face))} would be seen twice at ${formatFrame(twice.frame)}, where it is two faces that were merged. `
      + 'Turn off "use it" for the other one first.', true);
    return;
  }
  chosen = current === chosen ? corrected : chosen;
  const done = `${who(face)}, ${formatFrames(start, end)}: ${what}`;
  store.change(changed, done, step && `${step} ${face} ${start} ${end}`);
  say(`${capital(done)}.`);
}

function split() {
  const period = periodAt(player.frame);
  if (!period || period.start === player.frame) {
    say('There is nothing to split here: go to a moment within a period, after its first frame.', true);
    return;
  }
  const done = `${who(face)} was split at ${formatFrame(player.frame)}`;
  store.change(splitPeriods(store.periods, face, player.frame), done);
  say(`${capital(done)}. What follows can now be changed.`);
}

/** The faces that are ticked, or all if none is, but for the current one. */
function facesToMerge() {
  const others = [...periodsByFace.keys()].filter((number) => number !== face);
  const ticked = others.filter((number) => rows.isTicked(number));
  return ticked.length ? ticked : others;
}

/** Merge faces into one, unless two of them are seen at once. A name stays, even if another face was to stay. */
function mergeInto(into, others) {
  const overlap = firstOverlap(store.periods, [into, ...others]);
  if (overlap) {
    const { frame, one, other } = overlap;
    say(`${capital(who(one))} and ${who(other)} are both seen at ${formatFrame(frame)}. ${others.length > 1
      ? 'Tick only those who are one person, or turn off "use it" where one of them is wrong.'
      : 'If one of them is wrong there, select that part and turn off "use it" first.'}`, true);
    return;
  }
  const named = [into, ...others].find((number) => data.people[number]);
  const stays = named ?? into;
  const from = [into, ...others].filter((number) => number !== stays).sort((a, b) => a - b);
  const done = `${listNames(from.map(who), data.words[1])} ${from.length > 1 ? 'are' : 'is'} now ${who(stays)}`;
  face = stays;
  rows.clearTicks();
  store.change(mergeFaces(store.periods, from, stays), done);
  say(`${capital(done)}.`);
}

/** Make somebody new of the selected frames of the face, or of all that was found as the same face as the period at the
    cursor. */
function separate() {
  const [selected, current] = [selectedFrames(), periodAt(player.frame)];
  if (!selected && !current) return;
  const [start, end] = selected ?? [0, times.length - 1];
  if (!isSeen(start, end)) return;
  const other = newNumber(store.periods, data.people);
  const changed = changePeriods(store.periods, face, start, end, { face: other }, selected ? null : current.found);
  if (!data.people[face] && !changed.some((period) => period.face === face)) {
    say(`${capital(who(face))} is not seen anywhere else. Select when it is somebody else first.`, true);
    return;
  }
  [faceBefore, face, selectionStart] = [face, other, null];
  store.change(changed, `part of ${who(faceBefore)} became ${who(other)}`);
  say(`This is now ${who(other)}, no longer ${who(faceBefore)}. If it is one of the others, choose whom and merge.`);
}

function undo() {
  const what = store.undo();
  say(what === null ? 'There is nothing to undo.' : `Undone: ${what}.`);
}

function toggleSelection() {
  selectionStart = selectionStart === null ? player.frame : null;
  update();
  say(selectionStart === null ? 'The selection was cleared.' : 'The selection starts here. Go to its end: emotion, use '
    + 'and note apply to all of it, until you press M again.');
}

function save(fileName, text) {
  const mark = /[^\x00-\x7f]/.test(text) ? '\ufeff' : ''; // without which Excel would show other letters
  const csv = new Blob([mark, text], { type: 'text/csv;charset=utf-8' });
  const link = document.createElement('a');
  link.href = URL.createObjectURL(csv);
  link.download = fileName;
  link.click();
  URL.revokeObjectURL(link.href);
}

function download() {
  save(data.download, toCsv(store.periods, times, classNames, data.words[0], data.runName, data));
  say('The table is in your downloads. Move it to the results, then run emotions_from_video.py --apply with their folder.');
}

/** Take over what is kept of another run, instead of the corrections of this one. */
function takeOverOther(other) {
  const wasCorrected = store.isCorrected();
  const { periods, taken, left, hasNumbers } = takeOver(other, store.found, classNames);
  if (taken) store.change(periods, 'corrections were taken over from another run');
  say([
    `Taken over from the other run: ${taken} of ${taken + left} corrections.`,
    left ? 'The others are about faces that this run found in other frames, or about other emotions.' : '',
    hasNumbers ? '' : `Who is who stays as it was found, since the ${data.words[1]} have other numbers.`,
    taken && wasCorrected ? 'Undo brings back the corrections from before.' : '',
  ].filter(Boolean).join(' '), !taken);
}

function downloadOther({ periods, classes, word, runName }) {
  const fileName = data.download.replace(/_corrected\.csv$/, '_other_run_corrected.csv');
  save(fileName, toCsv(periods, times, classes, word || data.words[0], runName || 'another run', data));
  say(`${fileName} is in your downloads.`);
}
