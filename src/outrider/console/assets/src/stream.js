// A SharedWorker: holds the only stream of this browser, and hands what it hears to every open tab.
const ports = new Set()
let last = 'connecting'
let source

const tell = message => ports.forEach(port => port.postMessage(message))
const become = state => tell({ state: (last = state) })

function open(address) {
  source = new EventSource(address)
  source.addEventListener('open', () => become('open'))
  source.addEventListener('signed-out', () => { source.close(); source = undefined; become('signed-out') })
  source.onmessage = event => tell({ topics: event.data.split(' ') })
  source.onerror = () => {
    become('lost')
    // An answer that is no stream ends it for good; the browser itself tries again only after a lost connection.
    if (source.readyState === EventSource.CLOSED) { source = undefined; setTimeout(() => ports.size && !source && open(address), 3000) }
  }
}

self.onconnect = ({ ports: [port] }) => {
  ports.add(port)
  port.onmessage = ({ data }) => {
    if (data.open) { ports.add(port); if (!source) open(data.open); port.postMessage({ state: last }) }
    if (data.close) { ports.delete(port); if (!ports.size && source) { source.close(); source = undefined; last = 'connecting' } }
  }
}
