// The work of bench.compare in Go: go_peer WORKLOAD SIZE prints the nanoseconds, or the bytes, that
// one operation takes. What each workload is stands in bench/workloads.py. A process is a goroutine
// with a channel of its own, where it receives anything; a mailbox that has to hold many messages
// is a channel with a buffer.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"
)

const (
	batch   = 100
	senders = 100
	ring    = 1000
	// Room in a mailbox: more makes nothing faster.
	room = 1024
)

type message struct {
	sender chan message
	number int
}

// What is to be timed, once all that it needs is there.
var prepare = map[string]func(size int) func(){
	"spawn_exit": func(size int) func() {
		return func() { spawnBatches(size / batch) }
	},
	"pingpong": func(size int) func() {
		echo, me := make(chan message), make(chan message)
		go func() {
			for m := range echo {
				m.sender <- message{m.sender, m.number}
			}
		}()
		return func() {
			for n := 0; n < size; n++ {
				echo <- message{me, n}
				<-me
			}
		}
	},
	"ring": func(size int) func() {
		last := make(chan int)
		next := last
		for n := 1; n < ring; n++ {
			inbox := make(chan int)
			go func(next chan int) {
				for token := range inbox {
					next <- token
				}
			}(next)
			next = inbox
		}
		return func() {
			for n := 0; n < size/ring; n++ {
				next <- n
				<-last
			}
		}
	},
	"skynet": func(size int) func() {
		return func() {
			result := make(chan int)
			go skynet(result, 0, size)
			if <-result != size*(size-1)/2 {
				panic("a wrong sum")
			}
		}
	},
	"fan_in": func(size int) func() { return sendAll(senders, size) },
	"flood":  func(size int) func() { return sendAll(1, size) },
	"timer": func(size int) func() {
		return func() {
			timers := make([]*time.Timer, batch)
			late := func() {}
			for n := 0; n < size; n += batch {
				for i := range timers {
					timers[i] = time.AfterFunc(time.Minute, late)
				}
				for _, timer := range timers {
					timer.Stop()
				}
			}
		}
	},
}

func spawnBatches(batches int) {
	var running sync.WaitGroup
	for ; batches > 0; batches-- {
		running.Add(batch)
		for n := 0; n < batch; n++ {
			go running.Done()
		}
		running.Wait()
	}
}

func skynet(parent chan int, number, size int) {
	if size == 1 {
		parent <- number
		return
	}
	part := size / 10
	inbox := make(chan int)
	for n := 0; n < 10; n++ {
		go skynet(inbox, number+n*part, part)
	}
	sum := 0
	for n := 0; n < 10; n++ {
		sum += <-inbox
	}
	parent <- sum
}

func sendAll(senders, size int) func() {
	inbox, start := make(chan int, room), make(chan bool)
	for n := 0; n < senders; n++ {
		go func() {
			<-start
			for n := 0; n < size/senders; n++ {
				inbox <- n
			}
		}()
	}
	runtime.Gosched()
	return func() {
		close(start)
		for n := 0; n < size; n++ {
			<-inbox
		}
	}
}

func operations(workload string, size int) int {
	if workload == "skynet" && size > 1 {
		return size + operations(workload, size/10)
	}
	return size
}

// A tenth: a power of ten for skynet, a multiple of 1,000 for the others, as the size itself.
func warmUp(workload string, size int) int {
	tenth := size / 10
	if workload != "skynet" {
		tenth = tenth / 1000 * 1000
		if tenth == 0 {
			return 1000
		}
	}
	if tenth == 0 {
		return 1
	}
	return tenth
}

// Processor time, of all threads.
func spent() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func nanoseconds(workload string, size int) float64 {
	run := prepare[workload](size)
	start := spent()
	run()
	return float64((spent() - start).Nanoseconds())
}

func residentBytes() int {
	var total, resident int
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		panic(err)
	}
	fmt.Sscan(string(statm), &total, &resident)
	return resident * os.Getpagesize()
}

func idleBytes(size int) float64 {
	before := residentBytes()
	inboxes := make([]chan int, size)
	for n := range inboxes {
		inboxes[n] = make(chan int)
		go func(inbox chan int) { <-inbox }(inboxes[n])
	}
	runtime.Gosched()
	grown := residentBytes() - before
	// The slice is of use for this alone.
	return float64(grown-8*len(inboxes)) / float64(size)
}

func main() {
	runtime.GOMAXPROCS(1)
	workload := os.Args[1]
	size, err := strconv.Atoi(os.Args[2])
	if err != nil {
		panic(err)
	}
	if workload == "idle_bytes" {
		fmt.Println(idleBytes(size))
		return
	}
	nanoseconds(workload, warmUp(workload, size))
	fmt.Println(nanoseconds(workload, size) / float64(operations(workload, size)))
}
