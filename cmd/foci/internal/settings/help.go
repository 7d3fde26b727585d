package settings

// Help is the long help of serve, with a foci.toml of every setting.
const Help = `Run one node in the foreground until SIGINT or SIGTERM: then it answers the requests that it serves,
closes its backends and ends, within 10 s; a second signal ends it at once, which loses nothing. It reads
foci.toml, from --config or from the working directory; flags override the file. The directory of the node
holds its identity, and layout.json as foci init made it; without a layout it owns nothing.

  foci serve --config /etc/foci.toml
  foci serve --cluster home --name a --dir /srv/foci

foci.toml; every setting is optional:

  cluster = "foci"            # members and clients of another cluster are refused
  name = "a"                  # which node of the layout this is; needed at its first start
  dir = "/srv/foci"           # identity and layout; else the file's own directory
  role = "data"               # or client: a member that stores nothing
  seeds = ["10.0.0.18:1025:2"]  # peers to contact besides those of the layout
  multicast = "239.17.19.23:1026"  # find nodes of the same key by UDP, also [ff05::f0c1]:1026
  log = "info"                # debug, info, warn or error
  key = "cluster.key"         # TLS 1.3 with certificates that this key has signed; two keys: for rotation
  insecure = false            # true: listen beyond loopback without key or [tls]
  metrics = "127.0.0.1:9100"  # serve /metrics for Prometheus there; else nowhere
  metrics_token = "token"     # file with the token that scrapers must send; needed beyond loopback

  [auth]
  deny = "deny"               # denied certificates and names; read again when it changes

  [tls]                       # certificates of a separate authority in place of the key; read again when they change
  cert = "a.pem"
  key = "a.key"
  ca = "ca.pem"
  issuing_key = "ca.key"      # on one node or several: they renew the certificates, which expire after 90 days

  [[address]]                 # else those that the layout has for the node
  addr = "203.0.113.7:1025:2-2"
  listen = "0.0.0.0:11025"    # bound instead of addr, behind NAT and in containers

  [[backend]]                 # else those that the layout has for the node
  dir = "/disk1"
  group = 1                   # 0: that of its next backend in the layout

  [connections_per_node]      # of each link, by class; 0: 1, 1, 6, 3 and 2
  reg = 6

  [mesh]
  links = "independent"       # or linked: the loss of one connection closes all to that node
  eager = false               # true: open all connections to a node at once, not on first use

  [class.recovery]            # also ping, state, reg and bulk
  tables = [1, 0]             # route tables that the class uses, best first
  dscp = 10                   # mark of its packets, 0 to 63
  compress = "zstd"           # or lz4, or off: bodies over 4KiB, while they shrink by a tenth
  queue = "128MiB"            # backpressure: bytes of pending requests to one peer; more are refused

  [txn]                       # of the node's own repairs; clients have flags for theirs
  stall = "2s"                # a request without an answer for this long is sent again, then after twice as long, up to 8 times
  resends = 5                 # how often; -1: never
  deadline = "30s"            # of one transaction in all`
