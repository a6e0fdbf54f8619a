'use strict';
/* The corrections: emotion, use and note of a period or a selection, splitting a period, who is who; and the download of
   the corrected table. */

/** Say so if the face is not seen between these frames. */
function isSeen(start, end) {
  if (periodsOf(face).some((period) => period.start <= end && start <= period.end)) return true;
  update();
  say(`${capital(who(face))} is not seen from ${formatFrame(start)} to ${formatFrame(end)}.`, true);
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
  const twice = changes.use ? firstDoubleFrame(changed, face) : null;
  if (twice !== null) {
    update();
    say(`${capital(who(face))} would be seen twice at ${formatFrame(twice)}, where two faces that are now one are seen together. `
      + 'Turn off "use it" for the other one first.', true);
    return;
  }
  chosen = current === chosen ? corrected : chosen;
  store.change(changed, step && `${step} ${face} ${start} ${end}`);
  say(`${capital(who(face))}, ${formatFrame(start)} to ${formatFrame(end)}: ${what}.`);
}

function split() {
  const period = periodAt(player.frame);
  if (!period || period.start === player.frame) {
    say('There is nothing to split here: go to a frame of a period after its first one.', true);
    return;
  }
  store.change(splitPeriods(store.periods, face, player.frame));
  say(`Split at ${formatFrame(player.frame)}. What follows can now be changed.`);
}

function merge() {
  const other = Number(element('merge-into').value);
  const frame = firstCommonFrame(store.periods, face, other);
  if (frame !== null) {
    say(`${capital(who(face))} and ${who(other)} are both seen at ${formatFrame(frame)}, so they are not one person. `
      + 'If one of them is wrong there, select those frames first and turn off "use it".', true);
    return;
  }
  const keepsName = data.people[face] && !data.people[other];
  const [from, into] = keepsName ? [other, face] : [face, other];
  face = into;
  store.change(mergeFaces(store.periods, from, into));
  say(`${capital(who(from))} is now ${who(into)}.`);
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
    say(`${capital(who(face))} is not seen anywhere else. Select the frames in which it is somebody else first.`, true);
    return;
  }
  [faceBefore, face, selectionStart] = [face, other, null];
  store.change(changed);
  say(`This is now ${who(other)}, no longer ${who(faceBefore)}. If it is one of the others, choose whom and merge.`);
}

function toggleSelection() {
  selectionStart = selectionStart === null ? player.frame : null;
  update();
  say(selectionStart === null ? 'The selection was cleared.' : 'The selection starts here. Go to its last frame: emotion, '
    + 'use and note apply to all of it, until you press M again.');
}

function save(fileName, text) {
  const csv = new Blob([text], { type: 'text/csv;charset=utf-8' });
  const link = document.createElement('a');
  link.href = URL.createObjectURL(csv);
  link.download = fileName;
  link.click();
  URL.revokeObjectURL(link.href);
}

function download() {
  save(data.download, toCsv(store.periods, times, classNames, data.words[0], data.runName, data.firstFrame));
  say(`${data.download} is in your downloads. Give it to emotions_from_video.py after --apply, together with the video.`);
}

/** Take over what is kept of another run, instead of the corrections of this one. */
function takeOverOther(other) {
  const wasCorrected = store.isCorrected();
  const { periods, taken, left, hasNumbers } = takeOver(other, store.found, classNames);
  if (taken) store.change(periods);
  say([
    `Taken over from the other run: ${taken} of ${taken + left} corrections.`,
    left ? 'The others are about faces that this run found in other frames, or about other emotions.' : '',
    hasNumbers ? '' : `Who is who stays as it was found, since the ${data.words[1]} have other numbers.`,
    taken && wasCorrected ? 'Undo brings back the corrections from before.' : '',
  ].filter(Boolean).join(' '), !taken);
}

function downloadOther({ periods, classes, word, runName }) {
  const fileName = data.download.replace(/_corrected\.csv$/, '_other_run_corrected.csv');
  save(fileName, toCsv(periods, times, classes, word || data.words[0], runName || 'another run', data.firstFrame));
  say(`${fileName} is in your downloads.`);
}
