// many.mjs N: prints N articles of half a kilobyte.
for (let i = 0; i < Number(process.argv[2]); i++) {
  const body = `Article ${i} is about a quarry. ${`Masons cut block ${i} from the rock and take it down to the town. `.repeat(7)}`;
  console.log(JSON.stringify({ id: `many-${i}`, title: `Block ${i}`, content: body, format: 'text' }));
}
