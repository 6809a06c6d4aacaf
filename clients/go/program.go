// The program that tests/clients runs; what it prints is described in clients/python/program.py.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const every = 10 * time.Millisecond // between two writes

func say(format string, words ...any) {
	// One call is one write: lines of several goroutines do not mix.
	_, _ = os.Stdout.WriteString(fmt.Sprintf(format+"\n", words...))
}

// forever does it again and again; an error is said, and is no end.
func forever(step func() error) {
	for {
		if err := step(); err != nil {
			say("error %s", strings.ReplaceAll(err.Error(), "\n", " "))
			time.Sleep(every)
		}
	}
}

func main() {
	in := bufio.NewReader(os.Stdin)
	line, err := in.ReadBytes('\n')
	var given struct {
		Sentinels                []string
		Master, Password, Prefix string
	}
	if err != nil || json.Unmarshal(line, &given) != nil {
		fmt.Fprintln(os.Stderr, "no JSON on standard input")
		os.Exit(64)
	}
	ctx := context.Background()
	client := Client(given.Sentinels, given.Master, given.Password)
	list, stream, channel := given.Prefix+":list", given.Prefix+":stream", given.Prefix+":channel"
	if err := client.XGroupCreateMkStream(ctx, stream, "group", "$").Err(); err != nil {
		say("error %s", err)
	}

	number := 0
	go forever(func() error {
		if err := client.Set(ctx, fmt.Sprintf("%s:%d", given.Prefix, number), number, 0).Err(); err != nil {
			return err
		}
		say("ack %d %d", number, time.Now().UnixNano())
		number++
		time.Sleep(every)
		return nil
	})
	go forever(func() error {
		popped, err := client.BLPop(ctx, 0, list).Result()
		if err == nil {
			say("blpop %s %d", popped[1], time.Now().UnixNano())
		}
		return err
	})
	go forever(func() error {
		read, err := client.XReadGroup(ctx, &redis.XReadGroupArgs{
			Group: "group", Consumer: "one", Streams: []string{stream, ">"}, Count: 1, NoAck: true,
		}).Result()
		if err == nil {
			say("xread %s %d", read[0].Messages[0].Values["number"], time.Now().UnixNano())
		}
		return err
	})
	go forever(func() error {
		subscription := client.Subscribe(ctx, channel)
		defer subscription.Close()
		for {
			message, err := subscription.ReceiveMessage(ctx)
			if err != nil {
				return err
			}
			say("message %s %d", message.Payload, time.Now().UnixNano())
		}
	})
	_, _ = io.Copy(io.Discard, in)
}
