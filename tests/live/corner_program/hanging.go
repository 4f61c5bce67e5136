package main

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

type contextKey struct{}

type watched struct{ seen map[int]int }

var (
	queue     = make(chan map[int]bool, 4)
	boxes     = make(chan *watched, 1)
	ctx       context.Context
	counts    func() int
	timer     *time.Timer
	byTenant  sync.Map
	current   atomic.Pointer[watched]
	anyValue  atomic.Value
	once      = sync.OnceValue(func() map[int]uint16 { return filled[int, uint16](number) })
	callbacks []func() int
)

func fillHanging() {
	queue <- filled[int, bool](number)
	held("chan main.queue[0]", next)
	boxes <- &watched{filled[int, int](number)}
	held("chan main.boxes[0].seen", next)
	m := filled[int, int16](number)
	ctx = context.WithValue(context.Background(), contextKey{}, m)
	held("main.ctx.val", len(m))
	caught := filled[string, uint8](text)
	counts = func() int { return len(caught) }
	held("closure main.fillHanging.func1.caught", len(caught))
	late := filled[int, uint32](number)
	timer = time.AfterFunc(time.Hour, func() { late[0]++ })
	held("closure main.fillHanging.func2.late", len(late))
	tenant := filled[string, int64](text)
	byTenant.Store("t1", tenant)
	held(`main.byTenant["t1"]`, len(tenant))
	current.Store(&watched{filled[int, int](number)})
	held("main.current.seen", next)
	anyValue.Store(filled[int, float64](number))
	held("main.anyValue.v", next)
	each := filled[int, float32](number)
	callbacks = append(callbacks, counts, func() int { return len(each) })
	held("closure main.fillHanging.func3.each", len(each))
}

func keep() {
	<-queue
	timer.Stop()
	println(counts(), len(callbacks), pool.Get(), current.Load(), anyValue.Load())
}
