package s3api

import (
	"errors"
	"fmt"
	"reflect"
	"unsafe"

	"github.com/gofiber/fiber/v3"
	"github.com/valyala/fasthttp"
	"github.com/versity/versitygw/s3api"
	"github.com/versity/versitygw/s3api/middlewares"

	"quarry/internal/standin/store"
)

// newFront makes versitygw's S3 for one Region and gives its request handler. versitygw only serves on listeners of
// its own making, whose port cannot be learnt and whose workers outlive a stop; so the application is taken out of it
// and called directly.
func newFront(s *store.Store, region string, k keys) (fasthttp.RequestHandler, error) {
	sub := &subresources{store: s, region: region, keys: k}
	root := middlewares.RootUserConfig{Access: k.root, Secret: k.root}
	opts := []s3api.Option{
		s3api.WithQuiet(), s3api.WithKeepAlive(), s3api.WithConcurrencyLimiter(1<<20, 1<<20), s3api.WithHostStyle("localhost"),
	}
	backend := s.Backend()
	opts = append(opts, s3api.WithRoute(fiber.MethodGet, "/", sub.listBuckets(root)))
	for _, method := range []string{fiber.MethodGet, fiber.MethodPut, fiber.MethodDelete} {
		opts = append(opts, s3api.WithRoute(method, "/:bucket", sub.handler(method, root, backend)))
	}
	server, err := s3api.New(backend, root, region, k, nil, nil, nil, nil, opts...)
	if err != nil {
		return nil, fmt.Errorf("make the S3 front of %s: %w", region, err)
	}
	sub.server = server
	app, err := application(server)
	if err != nil {
		return nil, err
	}
	return app.Handler(), nil
}

// application takes the unexported field app out of versitygw's server. A test fails when the field is renamed; an
// upstream method Handler would do away with this.
func application(server *s3api.S3ApiServer) (*fiber.App, error) {
	f := reflect.ValueOf(server).Elem().FieldByName("app")
	if !f.IsValid() || f.Type() != reflect.TypeFor[*fiber.App]() {
		return nil, errors.New("versitygw's S3ApiServer has no field app of type *fiber.App")
	}
	app := *(**fiber.App)(unsafe.Pointer(f.UnsafeAddr())) // guarded by the type check above
	if app == nil {
		return nil, errors.New("versitygw's S3ApiServer has no application")
	}
	return app, nil
}
