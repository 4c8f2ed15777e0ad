// Builds the console's files into the folder named on the command line; the same input gives the same bytes.
import { build } from 'esbuild'
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'

const out = process.argv[2]
const ICONS = [
  'activity', 'calendar-days', 'check', 'chevron-left', 'chevron-right', 'contact', 'inbox', 'keyboard', 'log-in', 'log-out', 'mail', 'merge',
  'phone', 'refresh-cw', 'search', 'send', 'sliders-horizontal', 'sun-moon', 'triangle-alert', 'undo-2', 'unplug', 'upload', 'users',
  'wand-sparkles', 'wifi-off',
]

const symbol = name => {
  const drawing = readFileSync(`node_modules/lucide-static/icons/${name}.svg`, 'utf8').replace(/<!--.*?-->/s, '')
  const inside = drawing.replace(/<svg[^>]*>/s, '').replace('</svg>', '').replace(/\s+/g, ' ').trim()
  return `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round">${inside}</symbol>`
}

mkdirSync(out, { recursive: true })
await build({
  entryPoints: ['src/console.js', 'src/stream.js', 'src/theme.js', 'src/console.css'],
  outdir: out, bundle: true, minify: true, format: 'esm', legalComments: 'none', external: ['*.woff2'], logLevel: 'error',
})
writeFileSync(`${out}/icons.svg`, `<svg xmlns="http://www.w3.org/2000/svg">${ICONS.map(symbol).join('')}</svg>\n`)
copyFileSync('node_modules/@fontsource-variable/inter/files/inter-latin-wght-normal.woff2', `${out}/inter.woff2`)
copyFileSync('src/mark.svg', `${out}/mark.svg`)
