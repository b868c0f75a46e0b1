// The composer: reply or note, Ctrl+Enter sends, and a draft outlives switching and failing.
const forms = () => [...document.querySelectorAll('.composer[data-mode]')]

export function write(mode) {
  const wanted = forms().find((form) => form.dataset.mode === mode)
  if (!wanted) return
  const area = wanted.querySelector('textarea')
  for (const form of forms()) {
    const other = form.querySelector('textarea')
    if (form !== wanted && !form.hidden && !area.value) area.value = other.value
    form.hidden = form !== wanted
  }
  area.focus()
}

function grow(area) {
  if (CSS.supports('field-sizing', 'content')) return
  area.style.height = 'auto'
  area.style.height = `${area.scrollHeight}px`
}

export function listenForWriting() {
  document.addEventListener('input', (event) => event.target.matches('.composer textarea') && grow(event.target))
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
