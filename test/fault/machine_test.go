package fault

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"shipper/test/site"
)

// needRoot skips a case that needs root, for what.
func needRoot(t *testing.T, what string) {
	t.Helper()
	if os.Geteuid() != 0 {
		skip(t, what+" needs root")
	}
}

// need returns the path of a program, or skips the case.
func need(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		skip(t, program+" is not installed")
	}
	return path
}

// command runs a program that has to work.
func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// mountTmpfs mounts a file system in memory of that size, such as 2m, at dir.
func mountTmpfs(t *testing.T, dir, size string) {
	t.Helper()
	needRoot(t, "mounting a tmpfs")
	mount(t, dir, "-t", "tmpfs", "-o", "size="+size, "tmpfs", dir)
}

// disk is a file system in a file.
type disk struct {
	image, dir string
	options    string // of mounting it
}

// mountExt4 mounts an ext4 of that size at dir. Its journal does not commit on
// its own, so that only what was synced is in the image.
func mountExt4(t *testing.T, dir, size string) *disk {
	t.Helper()
	return mountDisk(t, dir, size, "loop,commit=300", "mkfs.ext4", "-q", "-F")
}

// mountXFS mounts an xfs, which is never small, at dir. Its log waits for half a
// minute on its own.
func mountXFS(t *testing.T, dir string) *disk {
	t.Helper()
	return mountDisk(t, dir, "320M", "loop", "mkfs.xfs", "-q", "-f")
}

func mountDisk(t *testing.T, dir, size, options string, mkfs ...string) *disk {
	t.Helper()
	needRoot(t, "mounting a file system")
	need(t, mkfs[0])
	d := &disk{image: filepath.Join(t.TempDir(), "disk.img"), dir: dir, options: options}
	command(t, "truncate", "-s", size, d.image)
	command(t, mkfs[0], append(mkfs[1:], d.image)...)
	mount(t, dir, "-o", options, d.image, dir)
	return d
}

// cut is what a power cut would leave: the disk as it is now, mounted at dir
// instead of the other. The processes that use it are stopped and then killed.
// A file that nobody has synced is gone: this is how cut knows that it was one.
func (d *disk) cut(t *testing.T, using ...*site.Process) {
	t.Helper()
	for _, p := range using {
		p.Signal(syscall.SIGSTOP)
		awaitState(t, p, "T")
	}
	unsynced := filepath.Join(d.dir, "unsynced")
	if err := os.WriteFile(unsynced, []byte("not synced\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	after := d.image + ".cut"
	command(t, "cp", "--sparse=always", d.image, after)
	for _, p := range using {
		p.Kill()
	}
	command(t, "umount", d.dir)
	if err := os.Rename(after, d.image); err != nil {
		t.Fatal(err)
	}
	mount(t, d.dir, "-o", d.options, d.image, d.dir)
	if _, err := os.Stat(unsynced); err == nil {
		t.Error("the disk has what was not synced")
	}
}

func mount(t *testing.T, dir string, args ...string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", args...).CombinedOutput(); err != nil {
		skip(t, fmt.Sprintf("this machine cannot mount (%s)", strings.TrimSpace(string(out))))
	}
	t.Cleanup(func() { exec.Command("umount", "-l", dir).Run() })
}

// inject meddles with a system call of a running process on a path, as strace's
// inject does: how is its expression. Each thread counts its calls anew. To kill
// what is returned ends it.
func inject(t *testing.T, p *site.Process, path, call, how string) *site.Process {
	t.Helper()
	strace := need(t, "strace")
	log := new(site.Log)
	tracer := site.Start(t, log, nil, strace, "-f", "-o", "/dev/null", "-p", strconv.Itoa(p.PID), "-P", path, "-e", "trace="+call, "-e", "inject="+call+":"+how)
	site.Await(t, "strace", func() bool {
		return strings.Contains(log.String(), " attached") || strings.Contains(log.String(), "not permitted")
	})
	if text := log.String(); strings.Contains(text, "not permitted") {
		skip(t, "this machine lets no process be traced: "+text)
	}
	return tracer
}

// awaitState waits until all threads of the process are in a state of
// /proc/PID/stat, such as T for stopped.
func awaitState(t *testing.T, p *site.Process, state string) {
	t.Helper()
	site.Await(t, "state "+state, func() bool { return inState(p, state) })
}

// inState reports whether all threads of the process are in a state.
func inState(p *site.Process, state string) bool {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", p.PID))
	for _, path := range threads {
		stat, err := os.ReadFile(path)
		_, after, _ := strings.Cut(string(stat), ") ")
		if err != nil || !strings.EqualFold(after[:min(1, len(after))], state) { // t is T under strace
			return false
		}
	}
	return err == nil && len(threads) > 0
}
