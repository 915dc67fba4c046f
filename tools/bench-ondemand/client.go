package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
)

// phase is what was counted before the quota was halved, or after.
type phase struct {
	began             time.Time
	took              time.Duration
	answered, refused int
	tokens            float64 // as the quota counts them
}

func (p *phase) refusedShare() float64 {
	return float64(p.refused) / max(float64(p.answered+p.refused), 1)
}

// network is what every reply of an on-demand call takes on its way, refusals too.
const network = 30 * time.Millisecond

// client is one way to make calls, and the proxy that counts what becomes of them.
type client struct {
	name, region, url, id, secret string

	mu      sync.Mutex
	at      int // the phase that is counted now
	phases  [3]phase
	givenUp [3]int
}

// newClient starts a proxy. The name of the host stays as the client signed it.
func newClient(server string, keys map[string]string, name, region string) (*client, error) {
	to, err := url.Parse(server)
	if err != nil {
		return nil, err
	}
	c := &client{name: name, region: region, id: keys["AWS_ACCESS_KEY_ID"], secret: keys["AWS_SECRET_ACCESS_KEY"]}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c.url = "http://" + l.Addr().String()
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = to.Scheme, to.Host, r.In.Host
		},
		ModifyResponse: c.count,
		Transport:      &http.Transport{MaxIdleConnsPerHost: 1024, DisableCompression: true},
		ErrorLog:       log.New(io.Discard, "", 0), // what is under way at the end breaks
	}
	go func() { _ = http.Serve(l, proxy) }()
	return c, nil
}

// count counts one reply to an on-demand call.
func (c *client) count(r *http.Response) error {
	if !strings.HasPrefix(r.Request.URL.Path, "/model/") {
		return nil
	}
	time.Sleep(network)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	var answer struct {
		Usage struct {
			In  float64 `json:"input_tokens"`
			Out float64 `json:"output_tokens"`
		} `json:"usage"`
	}
	_ = json.Unmarshal(body, &answer) // a refusal has none
	c.mu.Lock()
	defer c.mu.Unlock()
	p := &c.phases[c.at]
	if p.began.IsZero() {
		p.began = time.Now()
	}
	switch r.StatusCode {
	case http.StatusOK:
		p.answered++
		p.tokens += answer.Usage.In + burndown*answer.Usage.Out
	case http.StatusTooManyRequests:
		p.refused++
	}
	return nil
}

// next ends a phase and begins another.
func (c *client) next() {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.phases[c.at].took = now.Sub(c.phases[c.at].began)
	c.at++
	c.phases[c.at].began = now
}

func (c *client) phase(n int) phase {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.phases[n]
}

// waitForCalls waits for the first reply.
func (c *client) waitForCalls(ended <-chan struct{}) error {
	for {
		if p := c.phase(0); !p.began.IsZero() {
			return nil
		}
		select {
		case <-ended:
			return errors.New("the run ended before it made a call")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// ask keeps so many calls in flight, with the SDK's defaults for all else, until the bench ends.
func (c *client) ask(documents string, atOnce int) {
	sdk := bedrockruntime.New(bedrockruntime.Options{
		Region: c.region, BaseEndpoint: &c.url, Credentials: credentials.NewStaticCredentialsProvider(c.id, c.secret, ""),
	})
	bodies := make(chan []byte)
	for range atOnce {
		go func() {
			for body := range bodies {
				_, err := sdk.InvokeModel(context.Background(), &bedrockruntime.InvokeModelInput{ModelId: aws.String(model), Body: body})
				if err != nil {
					c.mu.Lock()
					c.givenUp[c.at]++
					c.mu.Unlock()
				}
			}
		}()
	}
	for {
		if err := each(documents, func(text string) error {
			body, err := json.Marshal(map[string]any{
				"anthropic_version": "bedrock-2023-05-31", "max_tokens": 4096, "temperature": 0.1,
				"system": "You summarise articles in English and Japanese and answer in JSON.", "messages": []any{map[string]string{"role": "user", "content": text}},
			})
			bodies <- body
			return err
		}); err != nil {
			fmt.Fprintln(os.Stderr, "bench-ondemand:", c.name, err)
			return
		}
	}
}

func each(documents string, give func(string) error) error {
	f, err := os.Open(documents)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var d struct{ Title, Content string }
		if err := json.Unmarshal(lines.Bytes(), &d); err != nil {
			return err
		}
		if err := give("Title: " + d.Title + "\n\nArticle:\n" + d.Content); err != nil {
			return err
		}
	}
	return lines.Err()
}
