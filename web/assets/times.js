// Shows <time datetime> in the reader's zone: relative in lists, to the second in histories.
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })
const precise = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' })
const weekday = new Intl.DateTimeFormat(undefined, { weekday: 'short' })
const weekdayClock = new Intl.DateTimeFormat(undefined, { weekday: 'short', hour: '2-digit', minute: '2-digit' })
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' })
const dayYear = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' })
const longDay = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' })
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'long' })
const soon = new Intl.RelativeTimeFormat(undefined, { numeric: 'always' })

const midnight = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate())
const daysAgo = (date, now) => Math.round((midnight(now) - midnight(date)) / 86400000)

function relative(date, now) {
  const days = daysAgo(date, now)
  if (days === 0) return clock.format(date)
  if (days > 0 && days < 7) return weekday.format(date)
  return date.getFullYear() === now.getFullYear() ? day.format(date) : dayYear.format(date)
}

function stamp(date, now) {
  const days = daysAgo(date, now)
  if (days === 0) return clock.format(date)
  if (days > 0 && days < 7) return weekdayClock.format(date)
  return `${(date.getFullYear() === now.getFullYear() ? day : dayYear).format(date)}, ${clock.format(date)}`
}

function ahead(date, now) {
  const seconds = Math.round((date - now) / 1000)
  if (Math.abs(seconds) < 60) return soon.format(seconds, 'second')
  if (Math.abs(seconds) < 3600) return soon.format(Math.round(seconds / 60), 'minute')
  if (Math.abs(seconds) < 86400) return soon.format(Math.round(seconds / 3600), 'hour')
  return soon.format(Math.round(seconds / 86400), 'day')
}

const shapes = {
  relative,
  stamp,
  ahead,
  date: (date) => dayYear.format(date),
  precise: (date, now) => (daysAgo(date, now) === 0 ? precise.format(date) : `${day.format(date)}, ${precise.format(date)}`),
  day: (date, now) => (daysAgo(date, now) === 0 ? document.body.dataset.today : longDay.format(date)),
}

export function renderTimes(root) {
  const now = new Date()
  for (const element of root.querySelectorAll('time[data-shape]')) {
    const date = new Date(element.dateTime)
    if (Number.isNaN(date.getTime())) continue
    const text = shapes[element.dataset.shape](date, now)
    if (element.textContent !== text) element.textContent = text
    element.title = full.format(date)
  }
  hideRepeatedDays(root)
}

/** A day's heading stands once: messages carry their own, and only the reader's zone tells which repeat. */
function hideRepeatedDays(root) {
  let last = ''
  for (const element of root.querySelectorAll('.day')) {
    element.classList.toggle('same', element.textContent.trim() === last)
    last = element.textContent.trim()
  }
}
