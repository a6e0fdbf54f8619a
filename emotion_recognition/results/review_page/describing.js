'use strict';
/* How the page describes periods: in words, in the table and in the bands. */

/** What names a number: `Anna`, `person 2`, or `face 3` if people are not told apart. */
function who(number) {
  return data.people[number] || `${data.words[0]} ${number}`;
}

function formatFrame(frame) {
  return formatTime(seconds(times[frame]));
}

/** From one frame to another. A period ends, here as in all tables, when its last frame is shown. */
function formatFrames(start, end) {
  return `${formatFrame(start)} to ${formatFrame(end)}`;
}

function minConfidence() {
  return element('min-confidence').value / 100;
}

/** What a person says has no confidence, so it is never below the minimum. */
function isBelow(period) {
  return !period.byPerson && period.confidence < minConfidence();
}

function bandItems(periods) {
  const unusedFirst = [...periods].sort((a, b) => a.use - b.use); // so that used periods are drawn over them
  return unusedFirst.map((period) => {
    const { colour, fill, greyFill } = classes[period.emotion];
    const isGrey = !period.use || isBelow(period);
    const name = classNames[period.emotion];
    return {
      start: startOf(period),
      end: endOf(period),
      texts: period.use ? [period.byPerson ? `${name} (corrected)` : name, name] : ['not used'],
      fill: period.use ? (isGrey ? greyFill : fill) : notUsedFill,
      colour,
      isGrey,
      isCorrected: Boolean(period.byPerson),
    };
  });
}

function describePeriod(period) {
  const sign = document.createElement('span');
  sign.className = 'sign';
  sign.style.background = classes[period.emotion].colour;
  return {
    cells: [
      data.people[period.face] || String(period.face), [sign, classNames[period.emotion]], formatFrame(period.start), formatFrame(period.end),
      period.byPerson ? '–' : `${Math.round(period.confidence * 100)} %`, period.byPerson ? 'person' : 'machine',
      (period.use ? '' : 'not used ') + period.note,
    ],
    classNames: [...(period.use ? [] : ['unused']), ...(isBelow(period) ? ['below'] : [])],
  };
}

/** frames: the selected ones; null if there is no selection. */
function describeCurrent(period, frames) {
  if (face === null) return 'No face was found in this video.';
  if (frames) return `${capital(who(face))}, selection from ${formatFrames(...frames)}`;
  if (!period) return `${capital(who(face))} is not seen at ${formatFrame(player.frame)}.`;
  return `${capital(who(face))}, ${classNames[period.emotion]}, ${formatFrames(period.start, period.end)}`
    + (period.byPerson ? ', by a person' : '') + (period.use ? '' : ', not used');
}

/** What is drawn beside a face in the corrected video, and in which colour. */
function describeLabel({ face: number, emotion, use, byPerson }) {
  if (!use) return { text: 'not used' };
  const { name, colour } = classes[emotion];
  return { text: `${data.people[number] || number}: ${name}${byPerson ? ' (corrected)' : ''}`, colour };
}

function describeFacts() {
  const duration = formatTime(timeline.last - timeline.first);
  return `${duration} · ${times.length} frames · ${periodsByFace.size} ${data.words[Number(periodsByFace.size !== 1)]}`;
}
