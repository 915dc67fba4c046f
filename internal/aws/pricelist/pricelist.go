// Package pricelist fetches AWS's bulk price list files.
//
// It owns their address and the download, and nothing of what they say: package cost reads them. They are public, so no
// credentials are sent, and nothing of the account or of a run.
package pricelist

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"quarry"
	"quarry/internal/base/figure"
)

// Base is where AWS publishes the files
// (https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api.html).
const Base = "https://pricing.us-east-1.amazonaws.com"

// maxBytes bounds one file: those of all services of AWS for one Region are smaller.
const maxBytes = 1 << 30

// patience is how long one file may take.
const patience = 5 * time.Minute

// ErrNone says that AWS has no such list: not every service has prices in every Region.
var ErrNone = errors.New("there is no such price list")

// URL gives the address of a service's list for one Region.
func URL(base, service, region string) string {
	return strings.TrimSuffix(base, "/") + "/offers/v1.0/aws/" + service + "/current/" + region + "/index.json"
}

// Fetch downloads a list, whole. ErrNone where AWS has none; else a *quarry.Error of kind Provider names the address.
func Fetch(ctx context.Context, client *http.Client, url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	failed := func(err error) error {
		return &quarry.Error{
			Kind: quarry.Provider, Op: "fetch price list", Subject: url, Err: err,
			Hint: "download it another way and name the file: quarry prices --refresh FILE",
		}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, failed(err)
	}
	reply, err := client.Do(request)
	if err != nil {
		return nil, failed(err)
	}
	defer func() { _ = reply.Body.Close() }()
	switch reply.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound, http.StatusForbidden: // S3 after it answers 403 for what does not exist
		return nil, fmt.Errorf("%s: %w", url, ErrNone)
	default:
		return nil, failed(fmt.Errorf("answered %s", reply.Status))
	}
	b, err := io.ReadAll(io.LimitReader(reply.Body, maxBytes+1))
	switch {
	case err != nil:
		return nil, failed(err)
	case len(b) > maxBytes:
		return nil, failed(fmt.Errorf("it is larger than %s", figure.Count(maxBytes, "byte")))
	case reply.ContentLength >= 0 && int64(len(b)) != reply.ContentLength:
		return nil, failed(fmt.Errorf("%s of %s arrived", figure.Thousands(len(b)), figure.Count(reply.ContentLength, "byte")))
	}
	return b, nil
}
