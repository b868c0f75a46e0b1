// The keyboard: one letter each, also while the focus is inside a mail's frame (thread.js forwards it).
import { closeDrawer } from './clicks.js'
import { write } from './composer.js'

const typing = 'input:not([type=checkbox]),textarea,select,[contenteditable=true]'
const press = (selector) => document.querySelector(selector)?.click()

function move(step) {
  const rows = [...document.querySelectorAll('a.row-link')]
  const current = rows.findIndex((row) => row.getAttribute('aria-current') === 'true')
  rows[Math.max(0, Math.min(current + step, rows.length - 1))]?.click()
}

function open() {
  const current = document.querySelector('a.row-link[aria-current=true]') ?? document.querySelector('a.row-link')
  if (!current) return
  if (!document.querySelector('.thread')) current.click()
  document.body.classList.add('show-conv')
  document.querySelector('.thread')?.focus()
}

const keys = {
  j: () => move(1),
  k: () => move(-1),
  o: open,
  r: () => write('reply'),
  n: () => write('note'),
  e: () => press('[data-key=e]'),
  v: () => (closeDrawer() ? undefined : press('#btn-events')),
  '/': () => document.getElementById('q')?.focus(),
  '?': () => document.getElementById('help')?.showModal(),
  Escape: closeDrawer,
}

export function listenForKeys() {
  document.addEventListener('keydown', (event) => {
    if (event.metaKey || event.ctrlKey || event.altKey || document.querySelector('dialog[open]')) return
    if (event.target.closest?.(typing)) {
      if (event.key === 'Escape') event.target.blur()
      return
    }
    const action = keys[event.key]
    if (!action) return
    event.preventDefault()
    action()
  })
}
