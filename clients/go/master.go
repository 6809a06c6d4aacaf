package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// How long things may take. A LAN answers in a millisecond.
const (
	connectTimeout = 250 * time.Millisecond
	askTimeout     = 3 * time.Second        // of a Sentinel; nobody waits for one that is late: all are listened to at once
	readTimeout    = 500 * time.Millisecond // longer than the write pause of a planned hand-over
	pause          = 10 * time.Millisecond  // between two attempts of a command
	patience       = 15 * time.Second       // of a command that finds no master
	lookEvery      = 2 * time.Second        // a Sentinel that has announced nothing is asked again
)

// Master is the recipe: a Dialer for go-redis that connects to whoever is master now.
//
// It listens to all Sentinels. When they announce a new master, it closes the connections to the old one, so that who
// waits there connects anew: also BLPOP, XREADGROUP BLOCK 0 and SUBSCRIBE, and where the old master is merely silent.
type Master struct {
	name string

	mu      sync.Mutex
	answers map[string]answer               // by Sentinel, of those that answer
	address string                          // of the master; "" until the first answer
	changed chan struct{}                   // closed when there is another address
	ends    map[*dialled]context.CancelFunc // of each connection, and each attempt at one
}

// answer is what a Sentinel says. The highest epoch is right: one that has slept through a failover has a lower one.
type answer struct {
	epoch   int
	address string
}

// dialled is a connection to a master, which is forgotten when it is closed.
type dialled struct {
	net.Conn
	to    string
	owner *Master
}

func (c *dialled) Close() error {
	c.owner.mu.Lock()
	delete(c.owner.ends, c)
	c.owner.mu.Unlock()
	return c.Conn.Close()
}

// Client is a client of whichever node is master. `sentinels` are "host:port".
func Client(sentinels []string, name, password string) *redis.Client {
	master := &Master{
		name:    name,
		answers: map[string]answer{},
		changed: make(chan struct{}),
		ends:    map[*dialled]context.CancelFunc{},
	}
	for _, address := range sentinels {
		go master.listen(redis.NewSentinelClient(&redis.Options{
			Addr: address, Password: password,
			DialTimeout: askTimeout, ReadTimeout: askTimeout, MaxRetries: -1, DialerRetries: 1,
		}), address)
	}
	client := redis.NewClient(&redis.Options{
		Addr:          name,
		Password:      password,
		Dialer:        master.dial,
		DialTimeout:   patience,
		DialerRetries: 1,
		ReadTimeout:   readTimeout,
		WriteTimeout:  readTimeout,
		// go-redis' own retries would say hello again and again on a connection that is dead.
		MaxRetries: -1,
	})
	client.AddHook(again{master})
	return client
}

// again does a command again until a master has answered it.
type again struct{ master *Master }

func (a again) DialHook(next redis.DialHook) redis.DialHook { return next }

func (a again) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		switch cmd.Name() {
		case "hello", "auth", "client", "select": // of a new connection: it is the connection that is made again
			return next(ctx, cmd)
		}
		return a.until(ctx, func() error { return next(ctx, cmd) })
	}
}

func (a again) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		switch cmds[0].Name() {
		case "hello", "auth", "client", "select":
			return next(ctx, cmds)
		}
		return a.until(ctx, func() error { return next(ctx, cmds) })
	}
}

func (a again) until(ctx context.Context, step func() error) error {
	var ends time.Time // counted from the first failure: who waits may have waited for hours
	for {
		_, changed := a.master.current()
		err := step()
		if err == nil || ctx.Err() != nil || !elsewhere(err) {
			return err
		}
		if ends.IsZero() {
			ends = time.Now().Add(patience)
		}
		if time.Now().After(ends) {
			return err
		}
		select {
		case <-changed:
		case <-time.After(pause):
		}
	}
}

// elsewhere is whether an error is of the connection, or of a master that takes no writes (yet, or any more).
func elsewhere(err error) bool {
	var answer redis.Error
	if !errors.As(err, &answer) {
		return !errors.Is(err, redis.ErrClosed)
	}
	for _, kind := range []string{"READONLY ", "UNBLOCKED ", "NOREPLICAS ", "LOADING ", "MASTERDOWN "} {
		if strings.HasPrefix(answer.Error(), kind) {
			return true
		}
	}
	return false
}

// dial connects to whoever is master, as soon as it can be had, for as long as go-redis lets it.
//
// It must not fail early: after some failed dials a pool of go-redis tries only once a second.
func (m *Master) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	for {
		address, changed := m.current()
		conn, err := m.attempt(ctx, network, address)
		if err == nil {
			return conn, nil
		}
		select {
		case <-changed:
		case <-time.After(pause):
		case <-ctx.Done():
			// As text: what looks like a failed dial is retried by go-redis.
			return nil, fmt.Errorf("no master for %s: %s", patience, err.Error())
		}
	}
}

// attempt connects to that address, for as long as no other master is announced.
func (m *Master) attempt(ctx context.Context, network, address string) (net.Conn, error) {
	if address == "" {
		return nil, errors.New("no Sentinel has answered yet")
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	made := &dialled{to: address, owner: m}
	m.mu.Lock()
	m.ends[made] = cancel
	m.mu.Unlock()
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err == nil && address != m.address {
		_ = conn.Close()
		err = errors.New("another master was announced")
	}
	if err != nil {
		delete(m.ends, made)
		return nil, err
	}
	made.Conn = conn
	m.ends[made] = func() { _ = conn.Close() }
	return made, nil
}

// current is the master's address, "" before the first answer of a Sentinel; the channel closes when it is another.
func (m *Master) current() (string, <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.address, m.changed
}

// heard notes a Sentinel's answer (nil: it does not answer) and ends the connections to who is master no longer.
func (m *Master) heard(sentinel string, said *answer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if said == nil {
		delete(m.answers, sentinel)
	} else {
		m.answers[sentinel] = *said
	}
	best := answer{epoch: -1}
	for _, one := range m.answers {
		if one.epoch > best.epoch {
			best = one
		}
	}
	if best.epoch < 0 || best.address == m.address {
		return
	}
	m.address = best.address
	close(m.changed)
	m.changed = make(chan struct{})
	for one, end := range m.ends {
		if one.to != m.address {
			delete(m.ends, one)
			end()
		}
	}
}

// listen tells what one Sentinel says, for ever.
func (m *Master) listen(sentinel *redis.SentinelClient, address string) {
	ctx := context.Background()
	for {
		channel := sentinel.Subscribe(ctx, "+switch-master")
		for m.ask(ctx, sentinel, address) == nil {
			// The first is the confirmation, after which it is asked again: nothing falls in between.
			_, err := channel.ReceiveTimeout(ctx, lookEvery)
			var late net.Error
			if err != nil && !(errors.As(err, &late) && late.Timeout()) {
				break
			}
		}
		m.heard(address, nil)
		_ = channel.Close()
		time.Sleep(10 * pause)
	}
}

func (m *Master) ask(ctx context.Context, sentinel *redis.SentinelClient, address string) error {
	state, err := sentinel.Master(ctx, m.name).Result()
	if err != nil {
		return err
	}
	epoch, err := strconv.Atoi(state["config-epoch"])
	if err != nil {
		return err
	}
	m.heard(address, &answer{epoch, net.JoinHostPort(strings.Trim(state["ip"], "[]"), state["port"])})
	return nil
}
