// The conversation's messages: frames as high as their mail, and the newest message in view.
function fit(frame) {
  const page = frame.contentDocument
  if (!page?.body) return
  frame.style.height = 'auto'
  page.body.style.zoom = ''
  const wide = page.documentElement.scrollWidth
  if (wide > frame.clientWidth) page.body.style.zoom = Math.max(0.5, frame.clientWidth / wide)
  frame.style.height = `${Math.min(page.documentElement.scrollHeight, 20000)}px`
  if (page.gatepostKeys) return
  page.gatepostKeys = true
  page.addEventListener('keydown', (event) => {
    const { key, metaKey, ctrlKey, altKey } = event
    document.body.dispatchEvent(new KeyboardEvent('keydown', { key, metaKey, ctrlKey, altKey, bubbles: true, cancelable: true }))
  })
}

export function fitFrames(root) {
  for (const frame of root.querySelectorAll('iframe.mail-body')) {
    if (frame.contentDocument?.readyState === 'complete') fit(frame)
    if (frame.gatepostFit) continue
    frame.gatepostFit = true
    frame.addEventListener('load', () => {
      const end = atEnd()
      fit(frame)
      if (end) toNewest()
    })
  }
}

export function atEnd() {
  const thread = document.querySelector('.thread')
  return !!thread && thread.scrollHeight - thread.scrollTop - thread.clientHeight < 80
}

export function toNewest() {
  requestAnimationFrame(() => {
    const thread = document.querySelector('.thread')
    if (thread) thread.scrollTop = thread.scrollHeight
  })
}
