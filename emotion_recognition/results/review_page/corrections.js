'use strict';
/* The corrections: emotion, use and note of a period or a selection, splitting a period, merging faces; and the download
   of the corrected table. */

/** Change the selected frames of the face, or its period at the cursor if nothing is selected.
    what: the change in words; step: see Store. */
function correct(changes, what, step = null) {
  const [selected, current] = [selectedFrames(), periodAt(player.frame)];
  if (face === null || (!selected && !current)) return;
  const [start, end] = selected ?? [current.start, current.end];
  if (!periodsOf(face).some((period) => period.start <= end && start <= period.end)) {
    update();
    say(`Face ${face} is not seen from ${formatFrame(start)} to ${formatFrame(end)}.`, true);
    return;
  }
  const corrected = { ...current, ...changes };
  const changed = selected
    ? changePeriods(store.periods, face, start, end, changes)
    : store.periods.map((period) => (period === current ? corrected : period));
  const twice = changes.use ? firstDoubleFrame(changed, face) : null;
  if (twice !== null) {
    update();
    say(`Face ${face} would be seen twice at ${formatFrame(twice)}, since faces that were merged are seen together there. `
      + 'Turn off "use it" for the other one first.', true);
    return;
  }
  chosen = current === chosen ? corrected : chosen;
  store.change(changed, step && `${step} ${face} ${start} ${end}`);
  say(`Face ${face}, ${formatFrame(start)} to ${formatFrame(end)}: ${what}.`);
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
  const into = Number(element('merge-into').value);
  const frame = firstCommonFrame(store.periods, face, into);
  if (frame !== null) {
    say(`Faces ${face} and ${into} are both seen at ${formatFrame(frame)}, so they are not one person. `
      + 'If one of them is wrong there, select those frames first and turn off "use it".', true);
    return;
  }
  const from = face;
  face = into;
  store.change(mergeFaces(store.periods, from, into));
  say(`Face ${from} is now face ${into}.`);
}

function toggleSelection() {
  selectionStart = selectionStart === null ? player.frame : null;
  update();
  say(selectionStart === null ? 'The selection was cleared.' : 'The selection starts here. Go to its last frame: emotion, '
    + 'use and note apply to all of it, until you press M again.');
}

function download() {
  const csv = new Blob([toCsv(store.periods, times, classNames, data.runName)], { type: 'text/csv;charset=utf-8' });
  const link = document.createElement('a');
  link.href = URL.createObjectURL(csv);
  link.download = data.download;
  link.click();
  URL.revokeObjectURL(link.href);
  say(`${data.download} is in your downloads. Give it to emotions_from_video.py after --apply, together with the video.`);
}
