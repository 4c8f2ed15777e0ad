// The keyboard: `g` and a letter to go, `j` and `k` through rows, `n` and `p` through pages, digits to sort, `/`, `?`, the palette.
let isGoing = false

const rows = () => [...document.querySelectorAll('tbody tr[id]')]
const current = () => document.querySelector('tbody tr[aria-current]')

function select(row) {
  current()?.removeAttribute('aria-current')
  if (!row) return
  row.setAttribute('aria-current', 'true')
  row.focus({ preventScroll: true })
  row.scrollIntoView({ block: 'nearest' })
}

function move(step) {
  const all = rows()
  const at = all.indexOf(current())
  select(all[Math.min(all.length - 1, Math.max(0, at + step))])
}

function sort(pick) {
  const row = current()
  const sorting = row?.closest('x-sorting')
  if (!sorting) return
  const buttons = [...row.querySelectorAll('[data-category]')]
  const pressed = buttons.find(each => each.getAttribute('aria-pressed') === 'true')?.dataset.category
  const category = pick(row, buttons, pressed)
  // A key says what it shall be: pressing it twice does not take the choice back, as a click does.
  if (category && category !== pressed) sorting.choose(row, category)
  move(1)
}

// The row goes with its pair: the one after it is chosen once the list is there again.
function merge(row) {
  const at = rows().indexOf(row)
  if (!row?.querySelector('[data-merge]')) return
  addEventListener('htmx:after:swap', () => select(rows()[Math.min(at, rows().length - 1)]), { once: true })
  row.querySelector('[data-merge] button').click()
}

const single = {
  '?': () => document.getElementById('keys').showModal(),
  '/': () => document.querySelector('input[type=search]:not(dialog *)')?.focus(),
  j: () => move(1),
  k: () => move(-1),
  n: () => document.querySelector('[data-page=next]')?.click(),
  p: () => document.querySelector('[data-page=previous]')?.click(),
  m: () => merge(current()),
  a: () => sort(row => row.dataset.proposed),
  g: () => { isGoing = true; setTimeout(() => { isGoing = false }, 1000) },
}
for (const digit of [1, 2, 3, 4, 5]) single[digit] = () => sort((_row, buttons) => buttons[digit - 1]?.dataset.category)
// Taking a choice back is choosing it again.
single[0] = () => {
  const row = current()
  const pressed = row?.querySelector('[data-category][aria-pressed=true]')
  if (pressed) row.closest('x-sorting').choose(row, pressed.dataset.category)
}

addEventListener('keydown', event => {
  if ((event.ctrlKey || event.metaKey) && event.key === 'k') {
    event.preventDefault()
    return openPalette()
  }
  if (event.target.closest('.palette')) return steer(event)
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return
  if (event.target.matches('input, textarea, select')) return void (event.key === 'Escape' && event.target.blur())
  if (isGoing) {
    isGoing = false
    const link = document.querySelector(`[data-go="${CSS.escape(event.key)}"]`)
    if (link) { event.preventDefault(); return link.click() }
  }
  if (event.key === 'Enter' && event.target === current()) return current().querySelector('[data-row]')?.click()
  if (single[event.key]) { event.preventDefault(); single[event.key]() }
})

const options = () => [...document.querySelectorAll('#palette [role=option]')]
const mark = at => options().filter(each => !each.hidden).forEach((each, index) => each.setAttribute('aria-selected', String(index === at)))

function openPalette() {
  const palette = document.getElementById('palette')
  if (!palette || palette.open) return
  palette.showModal()
  palette.querySelector('input').value = ''
  filter('')
}

function filter(words) {
  options().forEach(each => { each.hidden = !each.textContent.toLowerCase().includes(words.toLowerCase()); each.setAttribute('aria-selected', 'false') })
  mark(0)
}

function steer(event) {
  const shown = options().filter(each => !each.hidden)
  const at = shown.findIndex(each => each.getAttribute('aria-selected') === 'true')
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
  if (step && shown.length) { event.preventDefault(); mark((at + step + shown.length) % shown.length) }
  if (event.key === 'Enter') { event.preventDefault(); shown[at]?.click() }
}

addEventListener('input', event => { if (event.target.closest('.palette')) filter(event.target.value) })
addEventListener('click', event => { if (event.target.closest('[data-open=palette]')) filter('') })
