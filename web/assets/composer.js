// The composer: reply or note, Ctrl+Enter sends, and a draft outlives switching, failing and leaving the page.
const forms = () => [...document.querySelectorAll('.composer[data-mode]')]

export function write(mode) {
  const wanted = forms().find((form) => form.dataset.mode === mode)
  if (!wanted) return
  const area = wanted.querySelector('textarea')
  for (const form of forms()) {
    const other = form.querySelector('textarea')
    if (form !== wanted && !form.hidden && !area.value) move(other, area)
    form.hidden = form !== wanted
  }
  area.focus()
}

function move(from, to) {
  to.value = from.value
  from.value = ''
  keep(from)
  keep(to)
}

/** Drafts stay in this tab until they are sent, or their writer logs out; the key names the writer. */
function keep(area) {
  if (area.value.trim()) sessionStorage.setItem(area.dataset.draft, area.value)
  else sessionStorage.removeItem(area.dataset.draft)
}

export function restoreDrafts(root) {
  for (const area of root.querySelectorAll('[data-draft]')) {
    if (!area.value) area.value = sessionStorage.getItem(area.dataset.draft) ?? ''
    else if (!area.form.querySelector('[type=submit]').disabled) keep(area)
    if (area.value) grow(area)
  }
}

function grow(area) {
  if (CSS.supports('field-sizing', 'content')) return
  area.style.height = 'auto'
  area.style.height = `${area.scrollHeight}px`
}

export function listenForWriting() {
  document.addEventListener('input', (event) => {
    const chips = event.target.closest('#chips')
    if (chips) chips.dataset.touched = ''
    if (!event.target.matches('[data-draft]')) return
    grow(event.target)
    keep(event.target)
  })
  document.addEventListener('submit', (event) => {
    if (event.target.matches('[action="/logout"]')) sessionStorage.clear()
    for (const area of event.target.querySelectorAll('[data-draft]')) sessionStorage.removeItem(area.dataset.draft)
  }, true)
  document.addEventListener('htmx:error', () => {
    for (const area of document.querySelectorAll('[data-draft]')) keep(area)
  })
  document.addEventListener('click', (event) => {
    const tab = event.target.closest('[data-write]')
    if (tab) write(tab.dataset.write)
  })
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && event.target.matches('.composer textarea'))
      event.target.form.requestSubmit()
  })
  document.addEventListener('htmx:before:request', (event) => busy(event.target, true))
  document.addEventListener('htmx:finally:request', (event) => busy(event.target, false))
}

/** A mail is not sent twice by a second click. */
function busy(form, on) {
  if (form?.matches?.('.composer')) for (const button of form.querySelectorAll('[type=submit]')) button.disabled = on
}
