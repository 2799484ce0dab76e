// Renders a compose project as `docker compose config --format json` does, by compose's own loader: rendered.json.
// In a copy of this folder: go build -o render . && ./render ../docker-compose.yml
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/compose-spec/compose-go/v2/cli"
)

func main() {
	options, err := cli.NewProjectOptions(os.Args[1:2], cli.WithWorkingDirectory(filepath.Dir(os.Args[1])), cli.WithName("project"), cli.WithEnvFiles(), cli.WithDotEnv)
	if err != nil {
		panic(err)
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		panic(err)
	}
	text, err := project.MarshalJSON()
	if err != nil {
		panic(err)
	}
	fmt.Println(string(text))
}
