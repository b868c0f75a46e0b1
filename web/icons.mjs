// Collects the icons that templates name, icon('name'), empty('name', ...) and entry('/path', 'name', ...), and writes them as one SVG sprite, static/icons.svg.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'

const set = JSON.parse(readFileSync('node_modules/@iconify-json/tabler/icons.json', 'utf8'))
const names = new Set()
const collect = (text, pattern) => {
  for (const found of text.matchAll(pattern)) names.add(found[1] ?? found[2])
}
for (const file of readdirSync('templates', { recursive: true }))
  if (file.endsWith('.html')) collect(readFileSync(`templates/${file}`, 'utf8'), /(?:icon|empty)\('([a-z0-9-]+)'|entry\('[^']*', '([a-z0-9-]+)'/g)
collect(readFileSync('looks.py', 'utf8'), /icon="([a-z0-9-]+)"/g)

const symbols = [...names].sort().map((name) => {
  if (!set.icons[name]) throw new Error(`unknown icon ${name}`)
  return `<symbol id="${name}" viewBox="0 0 24 24">${set.icons[name].body}</symbol>`
})
mkdirSync('static', { recursive: true })
writeFileSync('static/icons.svg', `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join('')}</svg>\n`)
console.log(`${symbols.length} icons`)
