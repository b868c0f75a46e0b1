// What a click does without asking the server: earlier text, the drawer, the list on a phone, copying.
const actions = {
  'toggle-quote': (button) => {
    const text = document.getElementById(button.getAttribute('aria-controls'))
    text.hidden = !text.hidden
    button.setAttribute('aria-expanded', String(!text.hidden))
  },
  'close-drawer': closeDrawer,
  back: () => document.body.classList.remove('show-conv'),
  rail: () => document.body.classList.toggle('show-rail'),
  copy: async (button) => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim())
    button.classList.add('copied')
    setTimeout(() => button.classList.remove('copied'), 1600)
  },
  'pick-all': (button) => {
    const boxes = [...button.form.querySelectorAll('input[name=number]')]
    const all = boxes.every((box) => box.checked)
    for (const box of boxes) box.checked = !all
  },
  help: () => document.getElementById('help')?.showModal(),
  'close-dialog': (button) => button.closest('dialog').close(),
}

export function closeDrawer() {
  const drawer = document.getElementById('drawer')
  const open = !!drawer?.firstElementChild
  drawer?.replaceChildren()
  if (open) document.getElementById('btn-events')?.focus()
  return open
}

function openRow(row) {
  document.body.classList.add('show-conv')
  row.classList.remove('unread')
  document.querySelector('.row-link[aria-current]')?.removeAttribute('aria-current')
  row.setAttribute('aria-current', 'true')
  row.scrollIntoView({ block: 'nearest' })
}

export function listenForClicks() {
  document.addEventListener('click', (event) => {
    const button = event.target.closest('[data-do]')
    if (button) actions[button.dataset.do]?.(button)
    else if (!event.target.closest('.rail')) document.body.classList.remove('show-rail')
    const row = event.target.closest('a.row-link')
    if (row && !event.metaKey && !event.ctrlKey) openRow(row)
  })
  document.addEventListener('change', (event) => {
    if (event.target.matches('[data-submit-on-change]')) event.target.form.requestSubmit()
  })
  document.addEventListener('submit', (event) => {
    const question = event.submitter?.dataset.confirm
    if (question && !window.confirm(question)) event.preventDefault()
  })
}
