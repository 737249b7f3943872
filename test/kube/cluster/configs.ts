/** Configuration of the programs of the test cluster. Why each odd setting is there is said where it stands. */
import { join } from 'node:path'

export const NAMESPACE = 'maksdb-kube'
export const VETH = 'maksdb-kube0'
export const OUTSIDE_ADDRESS = '10.241.77.1'
/** Of the node, inside the namespace. */
export const HOST_ADDRESS = '10.241.77.2'
export const POD_RANGE = '10.244.0.0/16'
export const SERVICE_RANGE = '10.96.0.0/16'
const API = `https://${HOST_ADDRESS}:6443`
/** Where kube-controller-manager's provisioner puts volumes; it cannot be told otherwise. */
export const VOLUMES = '/tmp/hostpath_pv'
/** A program that opens each new volume to all. It waits for them: one that looked again and again cost 30 s of a processor. */
export const OPEN_VOLUMES = `
const { chmodSync, mkdirSync, readdirSync, statSync, watch } = require('node:fs')
const open = (name) => {
  try {
    const volume = '${VOLUMES}/' + name
    // That a volume was opened is an event, too: without the question it would be answered for ever.
    if ((statSync(volume).mode & 0o777) !== 0o777) chmodSync(volume, 0o777)
  } catch {}
}
mkdirSync('${VOLUMES}', { recursive: true })
watch('${VOLUMES}', (_, name) => open(name))
readdirSync('${VOLUMES}').forEach(open)
`

/** Commands that must be there, and where they come from. */
export const COMMANDS = {
  go: 'https://go.dev/dl, 1.26 or newer',
  ip: 'Debian: iproute2',
  nsenter: 'Debian: util-linux',
  runc: 'Debian: runc',
  nft: 'Debian: nftables',
  conntrack: 'Debian: conntrack',
  buildah: 'Debian: buildah',
  debootstrap: 'Debian: debootstrap',
  promtool: 'Debian: prometheus',
  openssl: 'Debian: openssl',
}

const PROBE = 'maksdb-probe'
const inProbe = (command: string) =>
  `ip netns del ${PROBE} 2>/dev/null; ip netns add ${PROBE} && (${command}); s=$?; ip netns del ${PROBE}; exit $s`

/** What the machine must allow; a container or a sandbox may not. */
export const ABILITIES = {
  'network namespaces': inProbe('true'),
  'pairs of network devices': inProbe(`ip link add mkprobe0 type veth peer name probe0 netns ${PROBE}`),
  bridges: inProbe(`ip -n ${PROBE} link add br0 type bridge`),
  'nftables rules': inProbe(`nsenter --net=/run/netns/${PROBE} nft add table inet probe`),
  'control groups': '[ -w /sys/fs/cgroup/pids ] || [ -w /sys/fs/cgroup/cgroup.procs ]',
  'overlay file systems':
    'd=$(mktemp -d) && mkdir $d/l $d/u $d/w $d/m && mount -t overlay overlay -o lowerdir=$d/l,upperdir=$d/u,workdir=$d/w $d/m && umount $d/m && rm -rf $d',
}

export const SYSCTLS = [
  'echo 1 > /proc/sys/net/ipv4/ip_forward',
  // Pods reach a Service whose pod sits on the same bridge only when bridged packets pass the rules.
  'echo 1 > /proc/sys/net/bridge/bridge-nf-call-iptables 2>/dev/null || true',
].join('; ')

export const USERS = [
  { file: 'kubeconfig', user: 'admin', groups: 'system:masters' },
  { file: 'controllers.kubeconfig', user: 'system:kube-controller-manager', groups: '' },
  { file: 'scheduler.kubeconfig', user: 'system:kube-scheduler', groups: '' },
  { file: 'proxy.kubeconfig', user: 'system:kube-proxy', groups: '' },
  { file: 'dns.kubeconfig', user: 'dns', groups: 'system:masters' },
  { file: 'kubelet.kubeconfig', user: 'system:node:node1', groups: 'system:nodes' },
]

export function kubeconfig(state: string, token: string) {
  return {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'maksdb-test',
    contexts: [{ name: 'maksdb-test', context: { cluster: 'maksdb-test', user: 'maksdb-test' } }],
    clusters: [
      {
        name: 'maksdb-test',
        cluster: {
          server: API,
          'certificate-authority': join(state, 'certs/apiserver.crt'),
          'tls-server-name': 'kubernetes',
        },
      },
    ],
    users: [{ name: 'maksdb-test', user: { token } }],
  }
}

export function etcdArgs(state: string): string[] {
  return [`--data-dir=${join(state, 'etcd')}`, '--unsafe-no-fsync', '--log-level=error']
}

export function apiServerArgs(state: string): string[] {
  return [
    '--etcd-servers=http://127.0.0.1:2379',
    '--bind-address=0.0.0.0',
    `--advertise-address=${HOST_ADDRESS}`,
    '--secure-port=6443',
    `--cert-dir=${join(state, 'certs')}`,
    `--service-cluster-ip-range=${SERVICE_RANGE}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${join(state, 'accounts.pub')}`,
    `--service-account-signing-key-file=${join(state, 'accounts.key')}`,
    `--token-auth-file=${join(state, 'tokens.csv')}`,
    '--authorization-mode=Node,RBAC',
    '--kubelet-preferred-address-types=InternalIP',
    '--allow-privileged=true',
  ]
}

export function controllerManagerArgs(state: string): string[] {
  return [
    `--kubeconfig=${join(state, 'controllers.kubeconfig')}`,
    `--service-account-private-key-file=${join(state, 'accounts.key')}`,
    `--root-ca-file=${join(state, 'certs/apiserver.crt')}`,
    '--use-service-account-credentials',
    '--allocate-node-cidrs',
    `--cluster-cidr=${POD_RANGE}`,
    `--service-cluster-ip-range=${SERVICE_RANGE}`,
    '--enable-hostpath-provisioner',
    '--leader-elect=false',
  ]
}

export function kubeletArgs(state: string): string[] {
  return [
    `--config=${join(state, 'kubelet.json')}`,
    `--kubeconfig=${join(state, 'kubelet.kubeconfig')}`,
    '--hostname-override=node1',
    `--node-ip=${HOST_ADDRESS}`,
    `--root-dir=${join(state, 'kubelet')}`,
    `--cert-dir=${join(state, 'kubelet-certs')}`,
  ]
}

export function kubelet(state: string) {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    // The network namespace is the wall around this port.
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: 'AlwaysAllow' },
    containerRuntimeEndpoint: `unix://${join(state, 'containerd.sock')}`,
    clusterDNS: [HOST_ADDRESS],
    clusterDomain: 'cluster.local',
    resolvConf: join(state, 'resolv.conf'),
    cgroupDriver: 'cgroupfs',
    // Machines that run tests are not always of the newest kind.
    failCgroupV1: false,
    failSwapOn: false,
    localStorageCapacityIsolation: false,
    evictionHard: { 'memory.available': '0%', 'nodefs.available': '0%', 'imagefs.available': '0%' },
    maxPods: 250,
    serializeImagePulls: false,
    volumePluginDir: join(state, 'volume-plugins'),
    podLogsDir: join(state, 'pod-logs'),
  }
}

export function kubeProxyArgs(state: string): string[] {
  return [
    `--kubeconfig=${join(state, 'proxy.kubeconfig')}`,
    '--proxy-mode=nftables',
    '--hostname-override=node1',
    `--cluster-cidr=${POD_RANGE}`,
    // What a namespace may not set.
    '--conntrack-max-per-core=0',
    '--conntrack-tcp-timeout-established=0',
    '--conntrack-tcp-timeout-close-wait=0',
  ]
}

export const CNI = {
  cniVersion: '1.0.0',
  name: 'pods',
  plugins: [
    {
      type: 'bridge',
      bridge: 'cni0',
      isGateway: true,
      hairpinMode: true,
      ipMasq: false,
      ipam: { type: 'host-local', ranges: [[{ subnet: '10.244.0.0/24' }]], routes: [{ dst: '0.0.0.0/0' }] },
    },
    { type: 'portmap', capabilities: { portMappings: true } },
  ],
}

export function containerdToml(state: string, cni: string): string {
  return `version = 3
root = "${join(state, 'containerd')}"
state = "${join(state, 'containerd-state')}"
[grpc]
  address = "${join(state, 'containerd.sock')}"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "localhost/pause:maksdb"
[plugins.'io.containerd.cri.v1.runtime']
  # Without CAP_SYS_RESOURCE no process can be made less killable than its parent.
  restrict_oom_score_adj = true
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ["${cni}"]
  conf_dir = "${join(state, 'cni')}"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
  SystemdCgroup = false
`
}

export function corefile(state: string): string {
  return `.:53 {
    errors
    kubernetes cluster.local {
        kubeconfig ${join(state, 'dns.kubeconfig')}
        ttl 1
    }
    cache 1
}
`
}

export function storageClass() {
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: 'hostpath', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    provisioner: 'kubernetes.io/host-path',
    reclaimPolicy: 'Delete',
    // The provisioner does not grow anything, but claims may ask: that is what the operator's part can be tested with.
    allowVolumeExpansion: true,
  }
}

export function cleanUp(state: string): string {
  return [
    `for p in /sys/fs/cgroup/*/kubepods /sys/fs/cgroup/kubepods; do [ -d "$p" ] && find "$p" -name cgroup.procs -exec cat {} + 2>/dev/null; done | sort -u | xargs -r kill -9 2>/dev/null`,
    `pkill -9 -f 'containerd-shim-runc-v[2].*${state}' 2>/dev/null`,
    `ip netns pids ${NAMESPACE} 2>/dev/null | xargs -r kill -9 2>/dev/null`,
    'sleep 0.5',
    `awk '$2 ~ "^${state}" {print $2}' /proc/mounts | sort -r | xargs -r -n1 umount -l 2>/dev/null`,
    'for n in $(ip netns list 2>/dev/null | cut -d" " -f1 | grep ^cni-); do ip netns del $n 2>/dev/null; done',
    `ip netns del ${NAMESPACE} 2>/dev/null`,
    `ip link del ${VETH} 2>/dev/null`,
    `rm -rf ${VOLUMES}`,
    'true',
  ].join('; ')
}
