package wordpress

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"quarry"
)

// announcement is the header by which each page of a site names the address of its REST API
// (https://developer.wordpress.org/rest-api/using-the-rest-api/discovery/).
var announcement = regexp.MustCompile(`<([^>]+)>\s*;\s*rel="?https://api\.w\.org/"?`)

// Find gives the URL of a site's posts, by the address of the API which the site's page announces. announced is false where it announces
// none: address is then the usual one. The address of a collection is kept, without a request.
//
// The error says what is wrong with the address; where the site does not answer, it is a *quarry.Error of kind Provider. A caller may
// send a login to the address, so its host is always the one that the caller named.
func Find(ctx context.Context, client *http.Client, site string) (address string, announced bool, err error) {
	address, err = Posts(site)
	if err != nil || NamesAPI(site) {
		return address, err == nil, err
	}
	page, links, err := look(ctx, client, site)
	if err != nil {
		return "", false, &quarry.Error{Kind: quarry.Provider, Op: "look for the REST API of", Subject: host(site), Err: err}
	}
	for _, value := range links {
		if found := announcement.FindStringSubmatch(value); found != nil {
			address, err = posts(page, found[1], host(site))
			return address, true, err
		}
	}
	return address, false, nil
}

// posts gives the collection of posts of the API that a page announces.
func posts(page *url.URL, announced, host string) (string, error) {
	root, err := page.Parse(announced)
	if err != nil {
		return "", fmt.Errorf("its page announces a REST API that is not a URL: %.200q", announced)
	}
	if root.Host != host {
		return "", fmt.Errorf("its REST API is on another host: name %s://%s if that is the site", page.Scheme, root.Host)
	}
	root.Scheme = page.Scheme                   // a site after a proxy may not know that it has TLS
	if q := root.Query(); q.Has("rest_route") { // a site with plain permalinks
		q.Set("rest_route", "/wp/v2/posts")
		root.RawQuery = q.Encode()
		return root.String(), nil
	}
	return root.JoinPath("wp/v2/posts").String(), nil
}

// host gives the host of an address that Posts accepted.
func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

// look requests a page, and gives its address, after redirects, and what its header links to. It tries again where that can help: a
// nightly run must not end because of one answer.
func look(ctx context.Context, client *http.Client, site string) (page *url.URL, links []string, err error) {
	const attempts = 3
	var following http.Client // a run's own client gives redirects to its caller
	if client != nil {
		following = *client
	}
	following.CheckRedirect = nil
	for wait := time.Second; ; wait *= 2 {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, site, nil)
		if err != nil {
			return nil, nil, errors.New("not a URL")
		}
		resp, err := following.Do(req)
		if err == nil {
			_ = resp.Body.Close() // its header says enough
			if resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode < http.StatusInternalServerError {
				return resp.Request.URL, resp.Header.Values("Link"), nil
			}
			err = errors.New(resp.Status)
		}
		if inner := (*url.Error)(nil); errors.As(err, &inner) {
			err = inner.Err
		}
		if wait >= time.Second<<(attempts-1) {
			return nil, nil, err
		}
		pause := time.NewTimer(wait)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return nil, nil, ctx.Err()
		}
	}
}
