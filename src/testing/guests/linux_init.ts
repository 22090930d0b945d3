/** The scripts beside `/init`, by path. */
export const GUEST_SCRIPTS: Readonly<Record<string, string>> = {
  // What the guest agent calls to end the guest.
  "sbin/shutdown": `#!/bin/sh
case "$1" in
-r) reboot ;;
-H) halt ;;
*) poweroff ;;
esac
`,
  // busybox's acpid runs this when the power button is pressed.
  "etc/acpi/PWRF/00000080": "#!/bin/sh\npoweroff\n",
  // Brings the network up for QEMU's user-mode network, which always has these addresses.
  "sbin/network": `#!/bin/sh
ip link set lo up
[ -e /sys/class/net/eth0 ] || exit 0
ip address add 10.0.2.15/24 dev eth0
ip link set eth0 up
ip route add default via 10.0.2.2
`,
  // Says where the virtio port of a name is, since without udev it has none in /dev. A port comes some milliseconds
  // after its driver, so it is waited for where there is a controller; where there is none it never comes.
  "sbin/virtio-port": `#!/bin/sh
turn=0
for controller in /sys/bus/virtio/drivers/virtio_console/virtio*; do
  while [ -e "$controller" ] && [ $turn -lt 300 ]; do
    for name in /sys/class/virtio-ports/*/name; do
      [ -e "$name" ] && read -r found <"$name" && [ "$found" = "$1" ] || continue
      name=\${name%/name}
      echo "/dev/\${name##*/}"
      exit 0
    done
    usleep 10000
    turn=$((turn + 1))
  done
done
exit 1
`,
  // A shell for those who run commands from the host, on a port of its own: a virtio port, or the serial port that the
  // kernel's command line names. The echo waits until somebody has connected to a virtio port: until then, reading from
  // it finds an end of file, and so does the shell when they go.
  "sbin/run-port": `#!/bin/sh
port=$(virtio-port org.qeeper.run) || port=
for word in $(cat /proc/cmdline); do
  case $word in qeeper.run=*) port=/dev/\${word#*=} ;; esac
done
[ -n "$port" ] || exit 0
while echo; do sh; done <>"$port" >&0 2>&1
`,
};

/** Starts the guest agent where it is in the guest and has a port. */
export const START_AGENT: Readonly<Record<string, string>> = {
  "sbin/guest-agent": `#!/bin/sh
port=$(virtio-port org.qemu.guest_agent.0) || exit 0
exec /usr/sbin/qemu-ga -m virtio-serial -t /run -p "$port"
`,
  // The agent sets the clock by it.
  "sbin/hwclock": '#!/bin/sh\nexec /bin/hwclock "$@"\n',
};

/**
 * The guest's first process: mounts what every program expects, loads modules, announces itself, and keeps a
 * shell on the first serial port.
 *
 * @param modules The modules to load, in order.
 * @param extra Shell commands to run before the guest says that it is ready.
 * @returns The text of `/init`.
 */
export function initScript(modules: readonly string[], extra: string): string {
  // The console neither echoes nor turns line feeds into CR LF: what programs write is what the host reads.
  // Without echo the shell also leaves its line editor off. The traps are what busybox's poweroff, reboot and
  // halt ask of the first process.
  return `#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /tmp /run
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox --install -s /bin
export PATH=/sbin:/bin HOME=/ TERM=dumb PS1=
exec </dev/ttyS0 >/dev/ttyS0 2>&1
stty -echo -onlcr
for module in ${modules.join(" ")}; do
  insmod /lib/modules/$module.ko || echo "GUEST-WARNING: insmod $module failed"
done
network
acpid -l /dev/null -p /run/acpid.pid 2>/dev/null
# It writes its pid once it listens to the power button; without input devices it never does.
for turn in 1 2 3 4 5 6 7 8 9 10; do
  [ -e /dev/input/event0 ] && [ ! -e /run/acpid.pid ] && usleep 10000
done
# With /dev/null as their console they have none that a command could mix into.
for service in run-port guest-agent; do
  [ -e "/sbin/$service" ] && setsid "$service" </dev/null >/dev/null 2>&1 &
done
${extra}
trap 'halt -f' USR1
trap 'poweroff -f' USR2
trap 'reboot -f' TERM
# The shell itself says that the guest is ready, once it has said hello and is about to read.
echo 'echo GUEST-READY; unset ENV' > /run/ready
export ENV=/run/ready
while :; do
  setsid -c sh </dev/ttyS0 >/dev/ttyS0 2>&1 &
  wait $!
  unset ENV
done
`;
}
