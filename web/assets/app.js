import '@fontsource-variable/inter'
import './styles/app.scss'
import htmx from 'htmx.org'
import { Dropdown, Tooltip } from 'bootstrap'
import { listenForKeys } from './keys.js'
import { followEvents } from './live.js'
import { listenForClicks } from './clicks.js'
import { fitFrames, toNewest } from './thread.js'
import { listenForWriting, restoreDrafts } from './composer.js'
import { renderTimes } from './times.js'

window.htmx = htmx
void Dropdown

/** Everything that new markup needs, after the first load and after each swap. */
function dress(root = document) {
  renderTimes(root)
  fitFrames(root)
  restoreDrafts(root)
  for (const element of root.querySelectorAll('[data-bs-toggle=tooltip]')) Tooltip.getOrCreateInstance(element)
}

dress()
toNewest()
window.addEventListener('load', toNewest)
document.addEventListener('htmx:after:swap', (event) => {
  for (const left of document.querySelectorAll('body > .tooltip')) left.remove()
  dress()
  const target = event.detail?.ctx?.target ?? event.target
  if (target?.id === 'conv') toNewest()
})
window.addEventListener('resize', () => fitFrames(document))
setInterval(() => renderTimes(document), 30000)
listenForClicks()
listenForKeys()
listenForWriting()
followEvents()
