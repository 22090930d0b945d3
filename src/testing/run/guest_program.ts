/**
 * What the host makes of the plain shell that the guest keeps on the port: a loop in POSIX shell that takes one request a line. It needs `setsid`,
 * `cat`, `dd`, `wc`, `head` and `tail` of the guest, and `stty` and `sha1sum` on a serial port. `$1` is the session's name.
 *
 * Requests (`Q SESSION REQUEST #SESSION`, so that garbage and halves of lines are none) are calls of the functions below: R runs, K kills,
 * P polls the output so far, G tells the end once more, W takes bytes for the input, X ends the program. `echo Q\S NAME` is answered by every state that
 * the port may be in: a plain shell says `QS NAME`, this program takes the session's new name and says `QR NAME LAST`; each question has its number in it
 * as well, so that a late answer is not taken for one to a later question.
 *
 * Frames: each begins with a line feed, so that garbage before it does no harm.
 *
 * How a command ends: its shell gets a trap that writes `x` to descriptor 9, so a shell that ended by `exit 137` is told from one that was killed. Two
 * processes that write to the port at once would mix: while a command runs only its waiter writes, unless it is
 * polled; then only the loop does.
 *
 * A question is only answered when a waiter that has its say is gone: its end interrupts the `read` of busybox, which then forgets the half of a line
 * that came from a slow port.
 *
 * It has no single quote in it, since it is sent in them, and neither tab nor a `!` before anything but a blank, which shells for people take for theirs.
 */
export const GUEST_PROGRAM: string = `exec 2>/dev/null
N="
"
s=$1 l=- w= z= k=0 c=0 g= y=
if [ -t 0 ]; then y=$(stty -g); stty raw -echo; type sha1sum >/dev/null && z=sha1sum; fi
type setsid >/dev/null && g=setsid
for d in /dev/shm /run /tmp .; do d=$d/.qeeper-$1; mkdir -m 700 $d && break; done
trap "rm -rf $d; stty $y" 0
trap exit PIPE HUP
X() {
k=9
}
F() {
read -r t h <$d/$1.s
printf "\\nQE %s %s %s\\n" $1 $t $h
[ -s $d/$1.o ] && cat $d/$1.o
printf "\\nQM %s\\n" $1
[ -s $d/$1.e ] && cat $d/$1.e
u=
[ -n "$z" ] && u=$(cat $d/$1.o $d/$1.e | $z)
printf "\\nQF %s %s\\n" $1 "\${u%% *}"
}
G() {
[ -s $d/$1.s ] || return
wait $w
F $1
}
R() {
[ -n "$w" ] && wait $w
printf "\\nQB %s\\n" $1
c=$((c+1))
: >$d/$l.o
: >$d/$l.e
[ -f $d/$l.i ] && rm -f $d/$l.i
[ $c -gt 31 ] && { c=0; rm -f $d/*.[oexsp]; }
l=$1
(
if [ -f $d/$1.i ]; then exec 3<$d/$1.i; else exec 3</dev/null; fi
$g sh -c "$3" <&3 3<&- >$d/$1.o 2>$d/$1.e 9>$d/$1.x &
echo $! >$d/$1.p
wait $!
t=$? h=-
[ -s $d/$1.x ] && read -r h <$d/$1.x
echo $t $h >$d/$1.s
[ $2 = 0 ] && F $1
) &
w=$!
}
K() {
[ -s $d/$1.s ] && return
read -r i <$d/$1.p && { kill -9 -$i || kill -9 $i; }
}
P() {
m=R
[ -s $d/$1.s ] && m=D
i=0 j=0
if [ -s $d/$1.o ] || [ -s $d/$1.e ]; then
set -- $1 $2 $3 $(wc -c $d/$1.o $d/$1.e)
i=$(($4-$2)) j=$(($6-$3))
[ $i -gt 65536 ] && i=65536
[ $j -gt 65536 ] && j=65536
fi
printf "\\nQP %s %s %s %s %s %s\\n" $1 $m $2 $3 $i $j
[ $i -gt 0 ] && tail -c +$(($2+1)) $d/$1.o | head -c $i
[ $j -gt 0 ] && tail -c +$(($3+1)) $d/$1.e | head -c $j
}
W() {
dd bs=$2 count=1 iflag=fullblock >>$d/$1.i
t=$? u=
[ $3 = 1 ] && [ -n "$z" ] && u=$(cat $d/$1.i | $z)
printf "\\nQA %s %s %s\\n" $1 $t "\${u%% *}"
}
printf "\\nQR %s 0 -\\n" $s
while [ $k -lt 9 ]; do
IFS= read -r x || { k=$((k+1)); echo || break; continue; }
k=0
case $x in
"echo Q\\\\S "*)
n=\${x#"echo Q\\\\S "}
q=\${n#*:} n=\${n%%:*}
[ -s $d/$l.s ] && wait $w
[ "$n" = "$s" ] || {
[ -n "$w" ] && { kill -9 $w; K $l; }
s=$n l=-
}
printf "\\nQR %s %s %s\\n" $s "$q" $l
;;
"Q $s "*" #$s")
x=\${x#"Q $s "}
eval "\${x%" #$s"}"
;;
esac
done`;
