// Follows /events: an element with data-live="kinds" asks for its own fragment when something of that kind happens.
// It is morphed, so that focus, opened text and scroll position stay.
import { atEnd, toNewest } from './thread.js'

const waiting = new Map()

function refresh(element) {
  if (waiting.has(element.id)) return
  waiting.set(element.id, setTimeout(async () => {
    waiting.delete(element.id)
    if (!element.isConnected || 'touched' in element.dataset) return
    const end = element.contains(document.querySelector('.thread')) && atEnd()
    await window.htmx.ajax('GET', element.dataset.liveUrl, { source: element, target: element, swap: 'innerMorph' })
    if (end) toNewest()
  }, 120))
}

function tell(kind, subject) {
  for (const element of document.querySelectorAll(`[data-live~="${kind}"]`))
    if (!element.dataset.liveOf || element.dataset.liveOf === subject) refresh(element)
}

function tellAll() {
  for (const element of document.querySelectorAll('[data-live]')) refresh(element)
}

function show(connected) {
  document.body.classList.toggle('offline', !connected)
}

export function followEvents() {
  if (!document.querySelector('[data-live]')) return
  const source = new EventSource(`/events?after=${document.body.dataset.seq ?? ''}`)
  let lost = false
  for (const kind of ['conversation', 'message', 'account']) source.addEventListener(kind, (event) => tell(kind, event.data))
  source.addEventListener('all', tellAll)
  source.addEventListener('open', () => {
    show(true)
    if (lost) tellAll()
    lost = false
  })
  source.addEventListener('error', () => {
    lost = true
    show(false)
    if (source.readyState === EventSource.CLOSED) setTimeout(followEvents, 5000)
  })
  window.addEventListener('pagehide', () => source.close())
}
